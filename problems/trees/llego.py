"""LLEGO: decision trees evolved by a language model.

Liu, Huynh, van der Schaar: Decision Tree Induction Through LLMs via Semantically-Aware Evolution,
2025, https://arxiv.org/abs/2503.14217.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from typing import Any, Literal, get_args

import numpy as np
from numpy.random import Generator

from evollm.algorithms.generations import generational, nsga2
from evollm.algorithms.mating import Mating
from evollm.algorithms.pareto import Objectives
from evollm.algorithms.selection import best, roulette, tournament, uniform
from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel, Mode
from evollm.search.flow import Flow
from evollm.types import Individual, Operator
from operators.compose import Fallback
from operators.trees.context import TreeContext
from operators.trees.first import FirstTrees
from operators.trees.genome import DEEPEST
from operators.trees.llego import DiverseMutation, GuidedCrossover
from operators.trees.prompting import TreePrompt
from operators.trees.rewriting import SubtreeRewriting
from operators.trees.variation import KINDS, NodeMutation, RandomTrees, SubtreeCrossover
from problems.trees.model.convert import Forest
from problems.trees.model.fitness import TreeFitness
from problems.trees.model.telling import hints
from problems.trees.prompt_words import numbered

Pool = Sequence[Individual[Any]]
LOSSES = ("mse", "log_loss")
_EXAMPLES = 4
_NUMBERS = ((int, Integral, "a whole number"), (float, Real, "a number"))
SHARES: Mapping[str, Mapping[str, float]] = {
    "llego": {},
    "mix": {"crossover": 0.5, "mutation": 0.5, "classical": 1.0},
    "rewriting": {"crossover": 0.0, "mutation": 0.0, "rewriting": 1.0},
    "classical": {"crossover": 0.0, "mutation": 0.0, "classical": 1.0},
    "random": {"crossover": 0.0, "mutation": 0.0, "random": 1.0},
}
"""The shares of the operators by name of the method."""
_COUNTS = {
    "population": 1,
    "offspring": 1,
    "max_depth": 1,
    "arity": 1,
    "brood": 1,
    "candidates": 1,
    "spare": 0,
    "hints": 0,
}
_OPEN = ("offspring", "max_depth", "spare", "hints")
_SPARE = 2  # unless a number is given
_CHOICES = {
    "start": ("forest", "model", "random"),
    "order": ("ascending", "descending", "random"),
    "form": ("line", "json"),
    "mode": ("plain", "chat"),
}


@dataclass(frozen=True, slots=True)
class LLEGOSettings:
    """Settings of LLEGO; the numbers are those of the authors' code unless stated otherwise.

    Attributes:
        population: Number of trees in the population.
        offspring: Children per generation; None for twice the population, as in the paper.
        max_depth: Maximum number of splits on a path, at most 64; None for 64.
        arity: Number of parents in a prompt.
        brood: Number of children per prompt.
        alpha: How far the target fitness is beyond the best parent, in ranges of the parents'
            fitness.
        tau: Temperature with which mutation prefers unlikely answers.
        candidates: Number of answers from which mutation chooses.
        spare: Number of additional answers requested, because some may be unusable; None for 2, or
            none with an adapter.
        per_token: Whether likelihood is per token, so that long trees are not favoured.
        crossover: Share of the children by fitness-guided crossover.
        mutation: Share by diversity-guided mutation.
        rewriting: Share by rewriting one subtree (ours).
        classical: Share by subtree crossover and node mutation without a model, half each.
        random: Share by random trees; without other shares, random search.
        start: Source of the initial trees: ``forest`` for a CART of all rows (ours) and the trees
            of a random forest; the ``model``; or ``random``.
        fitness: Whether prompts show fitness (an ablation).
        order: Order in which crossover shows its parents (an ablation).
        semantics: Whether prompts name columns and the task (an ablation); None for yes, or no with
            an adapter.
        hints: Number of columns of which prompts show the best split, with its score (ours); None
            for 0, or 8 with an adapter.
        duplicates: Whether trees with the same training predictions may be in the population
            together.
        form: Trees in prompts as one ``line`` (ours) or as ``json``.
        mode: Plain continuation, or chat.
        hold: What the endpoint enforces, which may be nothing; if it is left out, a grammar with
            lines and a schema with JSON.
        temperature: Sampling temperature.
    """

    population: int = 25
    offspring: int | None = None
    max_depth: int | None = 3
    arity: int = 4
    brood: int = 2
    alpha: float = 0.1
    tau: float = 10.0
    candidates: int = 4
    spare: int | None = None
    per_token: bool = False
    crossover: float = 1.0
    mutation: float = 1.0
    rewriting: float = 0.0
    classical: float = 0.0
    random: float = 0.0
    start: Literal["forest", "model", "random"] = "forest"
    fitness: bool = True
    order: Literal["ascending", "descending", "random"] = "ascending"
    semantics: bool | None = None
    hints: int | None = None
    duplicates: bool = True
    form: Literal["line", "json"] = "line"
    mode: Mode = "plain"
    hold: Literal["grammar", "schema", "none"] | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        self._check_numbers()
        for name, least in _COUNTS.items():
            value = getattr(self, name)
            if value is None and name in _OPEN:
                continue
            more = " or None" if name in _OPEN else ""
            if value < least:
                raise EvollmError(f"{name} must be {least} or more{more}, not {value}")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise EvollmError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        shares = (self.crossover, self.mutation, self.rewriting, self.classical, self.random)
        if min(shares) < 0 or sum(shares) <= 0:
            raise EvollmError(
                "the shares of crossover, mutation, rewriting, classical and random must be at "
                f"least 0 and not all 0, not {shares}"
            )

    def without_model(self, name: Literal["classical", "random"]) -> "LLEGOSettings":
        """Return the same settings with all children made by operators without a model."""
        shares: dict[str, Any] = {"rewriting": 0.0, "classical": 0.0, "random": 0.0}
        start = "forest" if self.start == "model" else self.start
        return replace(self, **shares | dict(SHARES[name]), start=start)

    def _check_numbers(self) -> None:
        """Check that numbers are numbers, not for example strings from a file."""
        for item in fields(self):
            value, kinds = getattr(self, item.name), get_args(item.type) or (item.type,)
            if value is None and type(None) in kinds:
                continue
            more = " or None" if type(None) in kinds else ""
            for kind, wanted, noun in _NUMBERS:
                if kind in kinds and (not isinstance(value, wanted) or isinstance(value, bool)):
                    raise EvollmError(f"{item.name} must be {noun}{more}, not {value!r}")

    @property
    def deepest(self) -> int:
        """The maximum number of splits on a path of grown trees."""
        return DEEPEST if self.max_depth is None else min(int(self.max_depth), DEEPEST)

    @property
    def asks(self) -> bool:
        """Whether a model is used."""
        return self.crossover + self.mutation + self.rewriting > 0 or self.start == "model"

    def flow(
        self,
        problem: TreeFitness,
        model: LanguageModel | None,
        context: TreeContext,
        seed: int,
        objectives: Objectives = (),
    ) -> Flow:
        """Return the search.

        Args:
            problem: Scores trees.
            model: The language model; None if no share uses it.
            context: Descriptions of the task and its columns, see ``problems.trees.prompt_words``.
            seed: The only source of randomness except the model.
            objectives: Metrics for a Pareto front; empty to search for fitness alone.

        Raises:
            EvollmError: If a model is needed but not given, settings are inconsistent, or no prompt
                fits into the model's context.
        """
        if model is None and self.asks:
            raise EvollmError(
                "these settings need a model: give one, or set the shares of crossover, mutation "
                "and rewriting to 0"
            )
        asking = None if model is None else self.asking(problem, model, context)
        matings = list(self._matings(problem, asking))
        start = self._start(problem, asking, seed)
        if objectives:
            return nsga2(start, matings, objectives, size=self.population, seed=seed)
        return generational(
            start,
            matings,
            size=self.population,
            offspring=self.offspring or 2 * self.population,
            seed=seed,
            survivors=best if self.duplicates else distinct,
        )

    def asking(
        self, problem: TreeFitness, model: LanguageModel, context: TreeContext
    ) -> TreePrompt:
        """Return how a model is asked for trees; see ``flow``.

        Raises:
            EvollmError: If settings are inconsistent, or no prompt fits into the model's context.
        """
        hold = self.hold or ("grammar" if self.form == "line" else "schema")
        columns = numbered(problem.columns)
        if self.semantics is False:
            columns, context = numbered(problem.columns.anonymous()), TreeContext()
        if self.hints:
            loss = problem.objectives[0] in LOSSES
            context = replace(context, hints=hints(problem, columns, self.hints, loss))
        asking = TreePrompt(
            model,
            columns,
            context,
            self.deepest,
            self.form,
            self.mode,
            hold,
            self.temperature,
        )
        asking.check()
        return asking

    def _start(self, problem: TreeFitness, asking: TreePrompt | None, seed: int) -> Operator[Any]:
        balanced = problem.balanced
        forest = Forest(problem.columns, problem.train, self.deepest, balanced=balanced)
        if self.start == "random":
            return RandomTrees(problem.columns, self.deepest)
        if self.start == "model" and asking is not None:
            examples = tuple(forest.vary([], _EXAMPLES, seed).genomes)
            return Fallback(FirstTrees(asking, examples), forest)
        return forest

    def _matings(self, problem: TreeFitness, asking: TreePrompt | None) -> list[Mating]:
        loss = problem.objectives[0] in LOSSES
        fit = inverse_loss if loss else roulette
        found: list[Mating] = []
        spare = _SPARE if self.spare is None else self.spare
        if asking is not None and self.crossover:
            cross = GuidedCrossover(asking, self.alpha, spare, self.fitness, self.order, loss)
            found.append(Mating(cross, fit, self.arity, self.brood, self.crossover))
        if asking is not None and self.mutation:
            mutate = DiverseMutation(asking, self.tau, self.candidates, spare, self.per_token)
            found.append(Mating(mutate, uniform, self.arity, self.brood, self.mutation))
        if asking is not None and self.rewriting:
            rewrite = SubtreeRewriting(asking)
            found.append(Mating(rewrite, fit, self.arity, self.brood, self.rewriting))
        if self.classical:
            found += self._classical(problem)
        if self.random:
            grow = RandomTrees(problem.columns, self.deepest)
            found.append(Mating(grow, arity=0, brood=self.population, share=self.random))
        return found

    def _classical(self, problem: TreeFitness) -> list[Mating]:
        kinds = tuple(kind for kind in KINDS if kind != "leaf" or not problem.refit_leaves)
        half = self.classical / 2
        mutate = NodeMutation(problem.columns, self.deepest, kinds)
        return [
            Mating(SubtreeCrossover(self.deepest), tournament(2), 2, 1, half),
            Mating(mutate, tournament(2), 1, 1, half),
        ]


def inverse_loss(pool: Pool, k: int, rng: Generator) -> list[Individual[Any]]:
    """Return ``k`` individuals drawn without replacement, in inverse proportion to their loss.

    The loss is minus the fitness; a loss of 0 counts as the smallest positive one.
    """
    losses = np.array([max(-one.fitness, 0.0) for one in pool])
    above = losses[(losses > 0) & np.isfinite(losses)]
    least = above.min() if above.size else 1.0
    weights = least / np.maximum(losses, least) + 1e-12
    chosen = rng.choice(len(pool), k, replace=k > len(pool), p=weights / weights.sum())
    return [pool[i] for i in chosen]


def distinct(pool: Pool, k: int, rng: Generator) -> list[Individual[Any]]:
    """Return the ``k`` fittest with different training predictions; others if there are too few."""
    ranked = best(pool, len(pool), rng)
    seen: set[Any] = set()
    first: list[Individual[Any]] = []
    doubles: list[Individual[Any]] = []
    for one in ranked:
        signature = (one.outcome.info or {}).get("signature", one.id)
        (doubles if signature in seen else first).append(one)
        seen.add(signature)
    return [*first, *doubles][:k]
