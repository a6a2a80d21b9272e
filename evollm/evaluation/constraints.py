"""Constraints: their violations as one number, and individuals compared by one number.

``Outcome.merit`` defines how solutions with constraints are ordered.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from evollm.types import Individual, Parent, fitness_of


def violation(values: Any) -> float:
    """Return the total violation of constraints: the sum of the positive values.

    Args:
        values: A number or an array of numbers; one that is at most 0 is satisfied. For a
            constraint ``h(x) = 0`` give ``abs(h(x)) - tolerance``.

    Raises:
        ValueError: If a value is not finite.
        TypeError: If it is not a number, but for example a truth value, whose sense is unclear.
    """
    try:
        plain = np.asarray(values)
        found = plain.astype(np.float64)
    except (TypeError, ValueError):
        plain, found = np.asarray(""), np.empty(0)
    if plain.dtype.kind in "bSU":
        raise TypeError(
            "constraints must return numbers, which are at most 0 where they are satisfied, not "
            f"{values!r:.80}"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"constraints must return finite numbers, not {values!r:.80}")
    return float(np.maximum(found, 0.0).sum())


def comparable(parents: Sequence[Parent[Any]]) -> list[float]:
    """Return one number per individual that orders them as ``Outcome.merit`` does.

    It is the fitness; of an infeasible one it is the worst finite fitness of a feasible one among
    them (0 if there is none) minus the violation. One that has no score has minus infinity.
    """
    violations = [one.violation if isinstance(one, Individual) else 0.0 for one in parents]
    found = [fitness_of(one) for one in parents]
    pairs = list(zip(found, violations, strict=True))
    worst = min((one for one, own in pairs if not own and isfinite(one)), default=0.0)
    return [worst - own if own else one for one, own in pairs]
