"""Selection of parents and survivors: the tournament, and the three rules of survival."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from numpy.random import Generator

from evollm.types import Individual, Select

Survival: TypeAlias = Literal["children", "window", "age"]
Pool: TypeAlias = Sequence[Individual[Any]]
Rule: TypeAlias = Callable[[Pool, Pool, int, int], list[Individual[Any]]]
"""``rule(living, children, size, reach)``; children in the order of their births."""


def tournament(share: float) -> Select:
    """Return a rule that draws ``k`` times the fittest of a share of the pool, with replacement.

    Of equals the first drawn wins. The share of a pool of N is rounded down, and at least one.
    """

    def select(pool: Pool, k: int, rng: Generator) -> list[Individual[Any]]:
        size = max(1, int(share * len(pool)))
        drawn = rng.integers(len(pool), size=(k, size))
        return [max((pool[i] for i in row), key=_rank) for row in drawn.tolist()]

    return select


def children(living: Pool, born: Pool, size: int, reach: int) -> list[Individual[Any]]:
    """Keep the ``size`` best children; where there are fewer, the newest parents fill up.

    The paper's rule, but for the filling.
    """
    newest = sorted(living, key=lambda one: -one.id)
    return _fittest([*born, *newest[: max(0, size - len(born))]], size)


def window(living: Pool, born: Pool, size: int, reach: int) -> list[Individual[Any]]:
    """Keep the ``size`` best of the last ``reach`` entries of survivors and children.

    The reference code's rule: survivors stand in falling fitness, so where few children are born
    the least fit survivors compete with them.
    """
    entries = [*living, *born][-reach:]
    order = {one.id: place for place, one in enumerate(entries)}
    return sorted(entries, key=lambda one: (-one.fitness, one.outcome.bound, order[one.id]))[:size]


def age(living: Pool, born: Pool, size: int, reach: int) -> list[Individual[Any]]:
    """Keep the ``size`` best of the ``reach`` latest births.

    Aging as in Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture
    Search, 2019, arXiv 1802.01548.
    """
    latest = sorted([*living, *born], key=lambda one: one.id)[-reach:]
    return _fittest(latest, size)


RULES: Mapping[Survival, Rule] = {"children": children, "window": window, "age": age}


def _fittest(pool: Pool, size: int) -> list[Individual[Any]]:
    """Return the fittest; of equals those scored on all examples come first, then the older."""
    return sorted(pool, key=lambda one: (-one.fitness, one.outcome.bound, one.id))[:size]


def _rank(one: Individual[Any]) -> tuple[float, bool]:
    return one.fitness, not one.outcome.bound
