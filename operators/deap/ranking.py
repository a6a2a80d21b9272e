"""Ranking: the engine's individuals in the eyes of DEAP's selection, statistics and archives."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from math import isnan
from typing import Any, TypeAlias

import numpy as np
from deap import base
from numpy.random import Generator

from evollm.errors import EvollmError
from evollm.types import Individual, Select
from operators.deap.functions import seeded_globals

Objectives: TypeAlias = Mapping[str, float] | Sequence[str] | Sequence[float]
"""Metrics with their weights, negative to minimise; names alone, all maximised; or weights alone,
of the metrics ``obj0``, ``obj1``, ... The name ``fitness`` is the outcome's fitness."""

FITNESS = ("fitness",)


def objective(place: int) -> str:
    """Return the name of the metric that holds an unnamed objective, counted from 0."""
    return f"obj{place}"


def weighted(objectives: Objectives) -> dict[str, float]:
    """Return the objectives' weights by name.

    Raises:
        EvollmError: If there are none, or a weight is no number or 0.
    """
    if isinstance(objectives, Mapping):
        pairs: list[tuple[Any, Any]] = list(objectives.items())
    else:
        listed = [objectives] if isinstance(objectives, str) else list(objectives)
        pairs = [
            (one, 1.0) if isinstance(one, str) else (objective(place), one)
            for place, one in enumerate(listed)
        ]
    sound = [isinstance(w, int | float) and not isnan(w) and w != 0 for _, w in pairs]
    if not pairs or not all(sound):
        raise EvollmError(
            f"{objectives!r} are no objectives: give names, or names with weights such as "
            "{'cost': -1.0}"
        )
    return {str(name): float(weight) for name, weight in pairs}


class View:
    """An individual as DEAP's tools want one: a sequence with a fitness.

    Two are equal if their genomes are. The fitness of a failed individual is invalid, hence below
    all others.

    Attributes:
        individual: The engine's individual.
        fitness: A ``deap.base.Fitness``.
    """

    __slots__ = ("fitness", "individual")

    def __init__(self, individual: Individual[Any], fitness: Any) -> None:
        self.individual = individual
        self.fitness = fitness

    @property
    def genome(self) -> Any:
        """The individual's genome."""
        return self.individual.genome

    def __len__(self) -> int:
        return len(self.genome)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.genome)

    def __getitem__(self, place: Any) -> Any:
        return self.genome[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and _same(self.genome, other.genome)

    __hash__ = None  # type: ignore[assignment]  # as DEAP's own individuals, which are lists

    def __deepcopy__(self, memo: Any) -> "View":
        return View(self.individual, copy.deepcopy(self.fitness, memo))

    def __repr__(self) -> str:
        return repr(self.genome)


def _same(one: Any, other: Any) -> bool:
    """Compare two genomes, arrays within too."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def as_deap(individuals: Sequence[Individual[Any]], objectives: Objectives = FITNESS) -> list[View]:
    """Return individuals as DEAP's ``HallOfFame``, ``Statistics`` and ``sel*`` take them.

    Args:
        individuals: With outcomes.
        objectives: What ``fitness.values`` holds, in this order.

    Raises:
        EvollmError: If an individual that did not fail lacks a metric.
    """
    weights = weighted(objectives)
    kind = _kind(tuple(weights.values()))
    return [View(one, kind(_values(one, weights))) for one in individuals]


@cache
def _kind(weights: tuple[float, ...]) -> Any:
    """Make the class of fitnesses with these weights, once."""
    return type("Fitness", (base.Fitness,), {"weights": weights})


def _values(individual: Individual[Any], names: Mapping[str, float]) -> tuple[float, ...]:
    """Return the objectives' values; none of an individual that failed."""
    outcome = individual.outcome
    if outcome.error is not None:
        return ()
    known = {"fitness": outcome.fitness, **outcome.metrics}
    for name in names:
        if name not in known:
            raise EvollmError(
                f"individual {individual.id} has no metric {name!r} but "
                f"{', '.join(sorted(known))}: let the problem's outcomes hold it"
            )
    values = tuple(known[name] for name in names)
    return () if any(map(isnan, values)) else values


def from_select(function: Callable[..., Any], objectives: Objectives = FITNESS) -> Select:
    """Make a selection of the engine's from one of DEAP's.

    Failed individuals come after all others: they are chosen only where those are too few.

    Args:
        function: ``select(individuals, k)``: ``toolbox.select``, or one of ``deap.tools.sel*`` with
            its further arguments bound.
        objectives: What it compares.

    Raises:
        EvollmError: If the objectives are none.
    """
    weights = weighted(objectives)

    def select(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
        views = as_deap(pool, weights)
        sound = [view for view in views if view.fitness.valid]
        with seeded_globals(int(rng.integers(2**53))):
            chosen = list(function(sound, k)) if sound else []
        failed = [view for view in views if not view.fitness.valid]
        chosen += [failed[i] for i in rng.permutation(len(failed))[: max(0, k - len(chosen))]]
        return [view.individual for view in chosen]

    return select
