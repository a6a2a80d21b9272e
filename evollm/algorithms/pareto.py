"""Pareto fronts: selection by several objectives, ranked by DEAP's NSGA-II.

A feasible individual dominates an infeasible one, and of two infeasible ones that with less
violation dominates, whatever their objectives (Deb et al., 2002).
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, TypeAlias

from numpy.random import Generator

from evollm.errors import EvollmError
from evollm.types import Individual, Select

Objectives: TypeAlias = Sequence[str] | Mapping[str, float]
"""Names of an outcome's metrics, or ``fitness``; larger is better. A mapping gives each a weight,
which is negative if smaller is better."""
Ranked: TypeAlias = tuple[Individual[Any], int, float]
"""An individual, its front (from 0), and its crowding distance."""


def front(pool: Sequence[Individual[Any]], objectives: Objectives) -> list[Individual[Any]]:
    """Return the individuals that are not dominated by another one.

    Args:
        pool: Any individuals; failed ones are ignored. If none is feasible, the front are those
            with the least ``violation``.
        objectives: The objectives.

    Returns:
        The front in the pool's order; of several that are equal in all objectives, the oldest.

    Raises:
        EvollmError: If an individual lacks one of the metrics.
    """
    first = {one.id for one, rank, _ in _ranked(pool, objectives) if rank == 0}
    seen: set[tuple[float, ...]] = set()
    kept = []
    for one in sorted((one for one in pool if one.id in first), key=lambda one: one.id):
        values = values_of(one, objectives)
        if values is not None and values not in seen:
            seen.add(values)
            kept.append(one.id)
    return [one for one in pool if one.id in kept]


def crowding(objectives: Objectives) -> Select:
    """Return NSGA-II's survivor selection: better fronts first, then less crowded individuals."""

    def select(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
        ranked = _ranked(pool, objectives)
        order = sorted(range(len(ranked)), key=lambda i: (ranked[i][1], -ranked[i][2], i))
        return [ranked[i][0] for i in order[:k]]

    return select


def crowded_tournament(objectives: Objectives) -> Select:
    """Return NSGA-II's parent selection: of two the one in the better front, or less crowded."""
    known: tuple[list[Individual[Any]], list[Ranked]] = ([], [])

    def select(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
        nonlocal known  # ranking is slow, and a generation draws from the same pool many times
        if len(pool) != len(known[0]) or any(
            a is not b for a, b in zip(pool, known[0], strict=True)
        ):
            known = (list(pool), _ranked(pool, objectives))
        ranked = known[1]
        drawn = rng.integers(len(ranked), size=(k, 2)).tolist()
        return [
            ranked[min(pair, key=lambda i: (ranked[i][1], -ranked[i][2], ranked[i][0].id))][0]
            for pair in drawn
        ]

    return select


def values_of(one: Individual[Any], objectives: Objectives) -> tuple[float, ...] | None:
    """Return an individual's objectives, larger is better; None if it failed.

    Raises:
        EvollmError: If it lacks one of the metrics.
    """
    if one.error is not None:
        return None
    weights = _weights(objectives)
    have = {"fitness": one.fitness, **one.metrics}
    if missing := [name for name in weights if name not in have]:
        raise EvollmError(
            f"an outcome lacks the metric '{missing[0]}' that is an objective: return it, or "
            f"choose from {', '.join(have)}"
        )
    values = tuple(weight * have[name] for name, weight in weights.items())
    return values if all(isfinite(value) for value in values) else None


def _weights(objectives: Objectives) -> dict[str, float]:
    if isinstance(objectives, str) or not objectives:
        raise EvollmError(
            "objectives must be a list of metrics or a dict from metrics to weights, not "
            f"{objectives!r}"
        )
    if isinstance(objectives, Mapping):
        if not all(objectives.values()):
            raise EvollmError(
                f"an objective must not have weight 0, as in {dict(objectives)}: remove it"
            )
        return dict(objectives)
    return dict.fromkeys(objectives, 1.0)


class _Point:
    """An individual in the form that DEAP's ranking needs."""

    def __init__(self, one: Individual[Any], fitness: Any) -> None:
        self.one = one
        self.fitness = fitness


def _ranked(pool: Sequence[Individual[Any]], objectives: Objectives) -> list[Ranked]:
    """Return individuals with front (from 0) and crowding distance; failed ones come last.

    Infeasible ones follow the feasible fronts, in one front per violation.
    """
    from deap import base, tools

    kind = type("Values", (base.Fitness,), {"weights": (1.0,) * len(_weights(objectives))})
    valued = [(one, values_of(one, objectives)) for one in pool]
    points = [_Point(one, kind(values)) for one, values in valued if values is not None]
    feasible = [point for point in points if not point.one.violation]
    fronts = tools.sortNondominated(feasible, len(feasible)) if feasible else []
    least = sorted({point.one.violation for point in points} - {0.0})
    fronts += [[p for p in points if p.one.violation == violation] for violation in least]
    ranked = []
    for rank, members in enumerate(fronts):
        tools.emo.assignCrowdingDist(members)
        ranked += [(p.one, rank, float(p.fitness.crowding_dist)) for p in members]
    return ranked + [(one, len(fronts), 0.0) for one, values in valued if values is None]
