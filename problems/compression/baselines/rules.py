"""Rules that choose levels in place of a search, by name, and what each is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from evollm import Budget, run
from evollm.algorithms.races import Rung, race
from evollm.search.flow import Flow, initial, seeded, survive
from evollm.types import Candidate, Offspring, Operator, Parent
from problems.compression.baselines.depth import shortened, shortgpt, sliding_window
from problems.compression.baselines.fisher import fisher_errors
from problems.compression.baselines.greedy import greedy
from problems.compression.baselines.knapsack import errors_of, within
from problems.compression.baselines.owl import owl_grid
from problems.compression.kinds.space import Space
from problems.compression.layout import Genome
from problems.compression.schedules import Schedule
from problems.compression.texts import Windows

if TYPE_CHECKING:
    from problems.compression.fitness import CompressedModel

LOOKS = 2048
"""Tokens on which a rule looks at the model once."""
TRIED = 512
"""Tokens on which each of many trials is scored: greedy's, and the settings of OWL."""
TOGETHER = 12
"""Layers that greedy lowers in each round, where there are hundreds of steps to go."""


@dataclass
class Given:
    """What a rule has to choose with.

    Attributes:
        problem: Its units, text and scorer; prepared.
        schedule: That of the search whose place it takes.
        seed: Of what is drawn.
        tokens: Tokens of search text that it has read, each time that it did.
    """

    problem: CompressedModel
    schedule: Schedule
    seed: int = 0
    tokens: int = 0

    @property
    def like(self) -> Genome:
        """Levels of the budget: the uniform ones, or random ones."""
        space = self.problem.space
        if space.uniform is not None:
            return space.uniform
        found: Genome = space.start.vary([], 1, self.seed).genomes[0]
        return found

    def text(self, tokens: int) -> Windows:
        """Return search text, and count it as read once."""
        pool = self.problem.loaded.pool
        order = np.random.default_rng(self.seed).permutation(len(pool))
        found = pool[order[: max(1, tokens // pool.shape[1])]]
        self.tokens += found.size
        return found


Rule: TypeAlias = Callable[[Given], Genome]


@dataclass(frozen=True, slots=True)
class Walks:
    """Draws random levels of a budget that uniform ones meet: by exchanges, one after the other.

    Attributes:
        space: What is searched.
        most: Maximum number of exchanges; each number is as likely.
    """

    space: Space
    most: int = 50

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Genome]:
        """Return ``n`` genomes, ignoring the parents."""
        rng, [first] = np.random.default_rng(seed), self.space.start.vary([], 1, seed).genomes
        made = []
        for length in rng.integers(1, self.most, n, endpoint=True):
            genome = first
            for step in rng.integers(2**31, size=length):
                parent = Candidate(0, genome, (), "", 0)
                [genome] = self.space.variation.vary([parent], 1, int(step)).genomes
            made.append(genome)
        return Offspring(made)


def random_search(given: Given) -> Genome:
    """Score random levels in the first and the last stage, as many as take the search's tokens."""
    schedule, space = given.schedule, given.problem.space
    (few, keep), (many, _) = schedule.stages[0], schedule.stages[-1]
    share = (keep + 1) / schedule.offspring
    tokens = schedule.tokens(space, schedule.generations)
    count = max(1, int(tokens / (few + many * share)))
    rungs = [Rung(few, max(1, int(count * share))), Rung(many)]
    start = space.start if space.uniform is None else Walks(space)
    result = run(_race(start, count, rungs, given.seed), given.problem, budget=Budget())
    given.tokens += int(result.usage.cost)
    assert result.best is not None
    return np.asarray(result.best.genome)


def _race(start: Operator[Genome], count: int, rungs: Sequence[Rung], seed: int) -> Flow:
    rng = seeded(seed)
    first = yield from initial(start, count, rng)
    [best, *_] = yield from race(first, rungs, rng, 0)
    yield from survive([best], 0, best=best)
    return "all random levels are scored"


def _greedy(given: Given) -> Genome:
    loaded = given.problem.loaded
    together = 1 if given.problem.kind.name == "depth" else TOGETHER
    before, text = loaded.scorer.computed, given.text(TRIED)
    found = greedy(loaded.scorer, text, given.like, together=together)
    given.tokens = (loaded.scorer.computed - before) // len(loaded.blocks)
    return found


def _looked(rule: Callable[..., Genome]) -> Rule:
    def choose(given: Given) -> Genome:
        return rule(given.problem.loaded.scorer, given.text(LOOKS), given.like)

    return choose


def _owl(given: Given) -> Genome:
    space, source = given.problem.space, _source(given)
    found = list(owl_grid(space.layout, source, space.budget).values())
    scores = given.problem.loaded.scorer.score(found, given.text(TRIED))
    given.tokens = TRIED * len(found)
    return found[int(np.argmin([score.mean for score in scores]))]


def _knapsack(given: Given) -> Genome:
    space = given.problem.space
    return within(space.layout, errors_of(space.layout, _source(given)), space.budget)


def _fisher(given: Given) -> Genome:
    loaded, space, source = given.problem.loaded, given.problem.space, _source(given)
    loaded.release()
    errors = fisher_errors(loaded.lm, space.layout, source, given.text(LOOKS))
    return within(space.layout, errors, space.budget)


def _source(given: Given) -> Any:
    given.problem.prepare()
    return given.problem.loaded.source


RULES: Mapping[str, Rule] = {
    "uniform": lambda given: given.like,
    "random search": random_search,
    "greedy by KL": _greedy,
    "ShortGPT": _looked(shortgpt),
    "sliding window": _looked(sliding_window),
    "Shortened-Llama": _looked(shortened),
    "OWL": _owl,
    "knapsack": _knapsack,
    "knapsack, Fisher": _fisher,
}
ONLY: Mapping[str, tuple[str, ...]] = {
    "uniform": ("sparsity", "quantization"),
    "greedy by KL": ("depth", "sparsity", "quantization"),
    "ShortGPT": ("depth",),
    "sliding window": ("depth",),
    "Shortened-Llama": ("depth",),
    "OWL": ("sparsity",),
    "knapsack": ("sparsity", "quantization"),
    "knapsack, Fisher": ("sparsity", "quantization"),
}
"""The kinds that a rule is for, if not for all."""
SLOW = ("random search", "greedy by KL", "Shortened-Llama")
"""Rules that take about as long as the search, or longer."""


@dataclass(frozen=True)
class Choice:
    """What a rule has chosen.

    Attributes:
        genome: The levels, as a tuple.
        tokens: Tokens of search text that it read.
        seconds: That it took.
    """

    genome: tuple[int, ...]
    tokens: int
    seconds: float


@lru_cache(maxsize=32)
def choice(name: str, problem: CompressedModel, schedule: Schedule, seed: int = 0) -> Choice:
    """Return what a rule chooses; found once in a process.

    Args:
        name: Of the rule.
        problem: What it chooses levels for.
        schedule: That of the search whose place it takes.
        seed: Of what is drawn.

    Raises:
        EvollmError: If the rule does not suit the model or its levels.
    """
    problem.prepare()
    given, began = Given(problem, schedule, seed), time.perf_counter()
    genome = tuple(RULES[name](given).tolist())
    return Choice(genome, given.tokens, time.perf_counter() - began)


Beside: TypeAlias = Literal["quick", "all", "none"]


def rules_for(problem: CompressedModel, which: Beside = "all") -> list[str]:
    """Return the names of the rules that can take the place of a search.

    Args:
        problem: Of which the kind, and whether there are uniform levels, count.
        which: All of them; ``quick`` for those that take seconds; or ``none``.
    """
    kind, uniform = problem.kind.name, problem.space.uniform is not None
    return [
        name
        for name in RULES
        if which != "none"
        and kind in ONLY.get(name, (kind,))
        and (uniform or name != "uniform")
        and not (which == "quick" and name in SLOW)
    ]
