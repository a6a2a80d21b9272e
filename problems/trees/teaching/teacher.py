"""Prompts of LLEGO's operators, and better trees as the answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from evollm.algorithms.selection import roulette, uniform
from evollm.checks import at_least
from evollm.errors import EvollmError
from evollm.llm.base import Completion, Prompt, Sampling
from evollm.tuning.examples import Example
from evollm.types import Individual
from operators.trees.context import TreeContext
from operators.trees.genome import Tree, merged
from operators.trees.llego import DiverseMutation, GuidedCrossover
from operators.trees.prompting import TreePrompt
from problems.trees.llego import LOSSES, LLEGOSettings, inverse_loss
from problems.trees.model.fitness import TreeFitness
from problems.trees.taught.adapters import TAUGHT
from problems.trees.teaching.searches import Search, searched
from problems.trees.teaching.tables import MadeUpTables

SEEDS = 2**31
EARLY = 10
"""The last generation from which parents are taken."""


@dataclass
class _Listener:
    """Takes the place of a model, and keeps the prompt that it was asked."""

    name: str = "listener"
    asked: list[Prompt] = field(default_factory=list)

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Keep the prompts, and return no answers."""
        self.asked += prompts
        return [[] for _ in prompts]


@dataclass(frozen=True, slots=True)
class TreeTeacher:
    """Teaches to write a tree that is better than those of a prompt.

    A classical search on a made-up table gives the population from which the parents of a prompt
    are drawn, and the trees that it found later; the answer is one that is better than all
    parents, without splits between equal leaves. Crossover's prompt asks for just the score that
    the answer has.

    Attributes:
        tables: Where tables come from.
        depths: Maximum numbers of splits on a path, each as likely.
        population: Number of survivors of a search.
        generations: Number of generations of a search.
        mutation: Share of the prompts that are those of diversity-guided mutation.
        per_table: The most examples of one search.
    """

    tables: MadeUpTables = field(default_factory=MadeUpTables)
    depths: tuple[int, ...] = (3, 3, 4)
    population: int = 12
    generations: int = 25
    mutation: float = 0.4
    per_table: int = 32

    def __post_init__(self) -> None:
        at_least(1, self, "population", "generations", "per_table")
        if not self.depths or min(self.depths) < 1:
            raise EvollmError("depths must be numbers of 1 or more")

    def examples(self, count: int, seed: int) -> list[Example]:
        """Return examples; see ``evollm.tuning.examples.Teacher``."""
        rng = np.random.default_rng(seed)
        found: list[Example] = []
        while len(found) < count:
            problem, depth = self.tables.draw(rng), int(rng.choice(self.depths))
            search = searched(problem, depth, self.population, self.generations, rng)
            found += self._of(problem, depth, search, rng)
        return found[:count]

    def _of(
        self, problem: TreeFitness, depth: int, search: Search, rng: Generator
    ) -> list[Example]:
        """Return the examples of one search."""
        settings = LLEGOSettings(max_depth=depth, **TAUGHT)
        listener = _Listener()
        asking = settings.asking(problem, listener, TreeContext())
        found = []
        for _ in range(self.per_table):
            step = int(rng.integers(min(EARLY, self.generations)))
            pool = search.populations[step]
            later = [one for born in search.born[step + 1 :] for one in born]
            mutates = rng.random() < self.mutation
            fit = inverse_loss if problem.objectives[0] in LOSSES else roulette
            parents = (uniform if mutates else fit)(pool, settings.arity, rng)
            answer = _better(later, parents, rng)
            if answer is None:
                continue
            _ask(asking, problem, parents, answer.fitness, mutates, rng)
            text = asking.text(merged(asking.shown(answer)))
            found.append(Example(listener.asked[-1], text + "\n" if mutates else f" {text}\n"))
        return found


def _better(
    later: Sequence[Individual[Tree]], parents: Sequence[Individual[Tree]], rng: Generator
) -> Individual[Tree] | None:
    """Return a later tree that is better than all parents: one time of two the best one."""
    most = max(one.fitness for one in parents)
    better = [one for one in later if one.fitness > most + 1e-9]
    if not better:
        return None
    if rng.random() < 0.5:
        return max(better, key=lambda one: one.fitness)
    return better[rng.integers(len(better))]


def _ask(
    asking: TreePrompt,
    problem: TreeFitness,
    parents: Sequence[Individual[Tree]],
    goal: float,
    mutates: bool,
    rng: Generator,
) -> None:
    """Have an operator ask for a tree, crossover for one of a given fitness."""
    seed = int(rng.integers(SEEDS))
    if mutates:
        DiverseMutation(asking).vary(parents, 1, seed)
        return
    scores = [one.fitness for one in parents]
    alpha = (goal - max(scores)) / max(max(scores) - min(scores), 1e-9)
    loss = problem.objectives[0] in LOSSES
    GuidedCrossover(asking, alpha, loss=loss).vary(parents, 1, seed)
