"""Selection rules for parents and survivors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from evollm.errors import EvollmError
from evollm.types import Individual, Select


def best(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
    """Return the ``k`` fittest, fittest first; of equal ones complete and older ones first."""
    return sorted(pool, key=_rank, reverse=True)[:k]


def uniform(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
    """Return ``k`` individuals drawn without replacement, or with it from a smaller pool."""
    return [pool[i] for i in rng.choice(len(pool), k, replace=k > len(pool))]


def tournament(size: int = 2) -> Select:
    """Return a rule that selects ``k`` times the fittest of ``size`` drawn with replacement.

    Raises:
        EvollmError: If the size is not positive.
    """
    if size < 1:
        raise EvollmError(f"a tournament needs at least one individual, not {size}")

    def select(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
        drawn = rng.integers(len(pool), size=(k, size))
        return [max((pool[i] for i in row), key=_rank) for row in drawn.tolist()]

    return select


def _rank(one: Individual[Any]) -> tuple[tuple[float, float], bool, int]:
    """Order by merit; of equal ones complete evaluations and older individuals are larger."""
    outcome = one.outcome
    return outcome.merit, not outcome.bound, -one.candidate.id


def roulette(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
    """Return ``k`` individuals drawn without replacement in proportion to fitness.

    Negative fitness counts as 0, and so do failed and infeasible individuals. If fewer than ``k``
    individuals have a positive share, the others are drawn uniformly; a pool smaller than ``k`` is
    drawn from with replacement.
    """
    weights = np.array([0.0 if one.violation else max(one.fitness, 0.0) for one in pool])
    weights[~np.isfinite(weights)] = 0.0
    weights /= weights.max() or 1.0
    shares = weights / (weights.sum() or 1.0)
    if np.count_nonzero(shares) < max(1, min(k, len(pool))):
        shares = (shares + 1e-9) / (shares + 1e-9).sum()
    chosen = rng.choice(len(pool), k, replace=k > len(pool), p=shares)
    return [pool[i] for i in chosen]
