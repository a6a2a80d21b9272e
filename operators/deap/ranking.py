"""Ranking: the engine's individuals as DEAP's selection, statistics and archives expect them."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from math import isnan
from typing import Any, Protocol, TypeAlias, runtime_checkable

from deap import base, tools
from numpy.random import Generator

from evollm.errors import EvollmError
from evollm.types import Individual, Select
from operators.deap.functions import described, named, seeded_globals
from operators.deap.genomes import NUMBER, Attributed, Expression, same
from operators.deap.individuals import IndividualCodec

Objectives: TypeAlias = Mapping[str, float] | Sequence[str] | Sequence[float]
"""Metrics with weights (negative to minimise); only names (all maximised); or only weights, for the
metrics ``obj0``, ``obj1``, ... The name ``fitness`` stands for the outcome's fitness."""

FITNESS = ("fitness",)


@runtime_checkable
class Scored(Protocol):
    """An object with objectives and a form for DEAP's individuals, such as a toolbox's parts."""

    @property
    def objectives(self) -> Mapping[str, float]:
        """The objectives' weights by name."""
        ...

    @property
    def form(self) -> IndividualCodec:
        """Converts genomes to individuals."""
        ...


def objective(place: int) -> str:
    """Return the name of the metric of an unnamed objective, counted from 0."""
    return f"obj{place}"


def weighted(objectives: Objectives | Scored) -> dict[str, float]:
    """Return the objectives' weights by name.

    Raises:
        EvollmError: If there are none, or a weight is 0 or not a number.
    """
    if isinstance(objectives, Scored):
        objectives = objectives.objectives
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
            f"{objectives!r} are not objectives: give names, or names with weights such as "
            "{'cost': -1.0}"
        )
    return {str(name): float(weight) for name, weight in pairs}


class View:
    """An individual as a sequence with a fitness, for DEAP's tools if there is no form.

    Two are equal if their genomes are equal. The fitness of a failed individual is invalid and
    below all others.

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

    @property
    def evollm_id(self) -> int:
        """The candidate's id in the run."""
        return self.individual.id

    def __len__(self) -> int:
        return len(self.genome)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.genome)

    def __getitem__(self, place: Any) -> Any:
        return self.genome[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and same(self.genome, other.genome)

    __hash__ = None  # type: ignore[assignment]  # as DEAP's own individuals, which are lists

    def __deepcopy__(self, memo: Any) -> "View":
        return View(self.individual, copy.deepcopy(self.fitness, memo))

    def __repr__(self) -> str:
        return repr(self.genome)


def as_deap(
    individuals: Sequence[Individual[Any]],
    objectives: Objectives | Scored = FITNESS,
    form: IndividualCodec | None = None,
) -> list[Any]:
    """Return individuals for DEAP's ``HallOfFame``, ``Statistics`` and ``sel*``.

    ::

        hall.update(as_deap(result.population, parts))

    With a toolbox's parts these are the toolbox's own individuals: of its class, with attributes
    and ``fitness.values``. Each has its id in the run as ``evollm_id``.

    Args:
        individuals: Individuals with outcomes.
        objectives: The contents of ``fitness.values``, in this order; or the result of
            ``from_toolbox``, which includes the objectives and the form.
        form: Converts genomes to DEAP's individuals. Without a form, or if its individuals can't
            have a fitness (such as plain lists), each is a ``View``, a sequence with a fitness.

    Raises:
        EvollmError: If an individual that did not fail lacks a metric, or a toolbox's genome needs
            a form.
    """
    if form is None and not isinstance(objectives, Scored):
        for one in individuals:
            if isinstance(one.genome, Expression | Attributed):
                raise EvollmError(
                    f"the genome of individual {one.id} needs the toolbox's form: call "
                    "as_deap(individuals, parts) with the result of from_toolbox"
                )
    return seen(individuals, objectives, form)


def seen(
    individuals: Sequence[Individual[Any]],
    objectives: Objectives | Scored,
    form: IndividualCodec | None = None,
) -> list[Any]:
    """Return individuals as ``as_deap`` does, with views for those without a form."""
    if isinstance(objectives, Scored):
        form = form or objectives.form
    weights = weighted(objectives)
    kind = _kind(tuple(weights.values()))
    return [_seen(one, kind, _values(one, weights), form) for one in individuals]


def _seen(
    one: Individual[Any], kind: Any, values: tuple[float, ...], form: IndividualCodec | None
) -> Any:
    """Return one of DEAP's individuals: of its class, or a view."""
    if form is not None:
        made = form.from_genome(one.genome)
        if tuple(getattr(getattr(made, "fitness", None), "weights", ())) != kind.weights:
            with suppress(AttributeError):  # it is then a list or an array
                made.fitness = kind()
        if hasattr(made, "fitness"):
            if values:
                made.fitness.values = values
            setattr(made, NUMBER, one.id)
            return made
    return View(one, kind(values))


class _Fitness(base.Fitness):  # type: ignore[misc]
    """A fitness that can be pickled although its class has no module."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _revived, (self.weights, self.__dict__)


def _revived(weights: tuple[float, ...], held: dict[str, Any]) -> Any:
    fitness = _kind(weights)()
    fitness.__dict__.update(held)
    return fitness


@cache
def _kind(weights: tuple[float, ...]) -> Any:
    """Return the fitness class with these weights, created once."""
    return type("Fitness", (_Fitness,), {"weights": weights})


def _values(individual: Individual[Any], names: Mapping[str, float]) -> tuple[float, ...]:
    """Return the objectives' values; empty for a failed individual."""
    outcome = individual.outcome
    if outcome.error is not None:
        return ()
    known = {"fitness": outcome.fitness, **outcome.metrics}
    for name in names:
        if name not in known:
            raise EvollmError(
                f"individual {individual.id} has no metric {name!r} but "
                f"{', '.join(sorted(known))}: add it to the problem's outcomes"
            )
    values = tuple(known[name] for name in names)
    return () if any(map(isnan, values)) else values


def from_select(
    function: Callable[..., Any],
    objectives: Objectives | Scored = FITNESS,
    form: IndividualCodec | None = None,
) -> Select:
    """Convert a selection of DEAP to one of the engine.

    Failed individuals rank behind all others and are chosen only if there are too few of those.

    Args:
        function: ``select(individuals, k)``: ``toolbox.select``, or one of ``deap.tools.sel*`` with
            its other arguments bound.
        objectives: The objectives that it compares, as in ``as_deap``.
        form: Converts the individuals that it gets, as in ``as_deap``.

    Raises:
        EvollmError: If the objectives are invalid; during a search, if the function raises an
            exception or returns anything other than the given individuals.
    """
    form = form or (objectives.form if isinstance(objectives, Scored) else None)
    weights = weighted(objectives)

    def select(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
        views = seen(pool, weights, form)
        sound = [view for view in views if view.fitness.valid]
        chosen = _chosen(function, sound, k, int(rng.integers(2**53))) if sound else []
        failed = [view for view in views if not view.fitness.valid]
        chosen += [failed[i] for i in rng.permutation(len(failed))[: max(0, k - len(chosen))]]
        known = {one.id: one for one in pool}
        return [_owner(view, known, function) for view in chosen]

    return select


def _chosen(function: Callable[..., Any], sound: list[Any], k: int, seed: int) -> list[Any]:
    """Let one of DEAP's selections choose."""
    if _inner(function) is tools.selTournamentDCD:
        tools.selNSGA2(sound, len(sound))  # it reads the crowding distances that this call assigns
    try:
        with seeded_globals(seed):
            return list(function(sound, k))
    except Exception as error:
        raise EvollmError(f"{named(function)} failed with {described(error)}") from error


def _owner(view: Any, known: Mapping[int, Individual[Any]], function: Any) -> Individual[Any]:
    """Return the individual that a chosen view represents."""
    owner = known.get(getattr(view, NUMBER, -1))
    if owner is None:
        raise EvollmError(
            f"{named(function)} returned a {type(view).__name__} that it was not given: a "
            "selection must return some of its individuals unchanged"
        )
    return owner


def _inner(function: Any) -> Any:
    """Return the function in a toolbox's entry or a partial."""
    while hasattr(function, "func"):
        function = function.func
    return function
