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
"""Metrics with their weights, negative to minimise; names alone, all maximised; or weights alone,
of the metrics ``obj0``, ``obj1``, ... The name ``fitness`` is the outcome's fitness."""

FITNESS = ("fitness",)


@runtime_checkable
class Scored(Protocol):
    """What knows its objectives and makes DEAP's individuals of genomes: a toolbox's parts."""

    @property
    def objectives(self) -> Mapping[str, float]:
        """The objectives' weights by name."""
        ...

    @property
    def form(self) -> IndividualCodec:
        """Makes individuals of genomes."""
        ...


def objective(place: int) -> str:
    """Return the name of the metric that holds an unnamed objective, counted from 0."""
    return f"obj{place}"


def weighted(objectives: Objectives | Scored) -> dict[str, float]:
    """Return the objectives' weights by name.

    Raises:
        EvollmError: If there are none, or a weight is no number or 0.
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
    """An individual as DEAP's tools expect it, where no form makes an individual: a sequence.

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

    @property
    def evollm_id(self) -> int:
        """The candidate's number in the run."""
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
    """Return individuals as DEAP's ``HallOfFame``, ``Statistics`` and ``sel*`` take them.

    ::

        hall.update(as_deap(result.population, parts))

    Of a toolbox's parts come the toolbox's own individuals: of its class, with their attributes and
    ``fitness.values``. Each has its number in the run as ``evollm_id``.

    Args:
        individuals: With outcomes.
        objectives: What ``fitness.values`` holds, in this order; or what ``from_toolbox`` returned,
            which knows the objectives and the form.
        form: Makes DEAP's individuals of genomes. Without one each is a ``View``, a sequence with a
            fitness; so it is where the form's individuals can't have a fitness, as plain lists.

    Raises:
        EvollmError: If an individual that did not fail lacks a metric, or a genome is one of a
            toolbox's individuals that need a form.
    """
    if form is None and not isinstance(objectives, Scored):
        for one in individuals:
            if isinstance(one.genome, Expression | Attributed):
                raise EvollmError(
                    f"the genome of individual {one.id} is a toolbox's, and only its form can make "
                    "an individual of it: call as_deap(individuals, parts) with what from_toolbox "
                    "returned"
                )
    return seen(individuals, objectives, form)


def seen(
    individuals: Sequence[Individual[Any]],
    objectives: Objectives | Scored,
    form: IndividualCodec | None = None,
) -> list[Any]:
    """Return what ``as_deap`` does, and views of whatever lacks a form."""
    if isinstance(objectives, Scored):
        form = form or objectives.form
    weights = weighted(objectives)
    kind = _kind(tuple(weights.values()))
    return [_seen(one, kind, _values(one, weights), form) for one in individuals]


def _seen(
    one: Individual[Any], kind: Any, values: tuple[float, ...], form: IndividualCodec | None
) -> Any:
    """Make one of DEAP's individuals: its class's, or a view."""
    if form is not None:
        made = form.from_genome(one.genome)
        if tuple(getattr(getattr(made, "fitness", None), "weights", ())) != kind.weights:
            with suppress(AttributeError):  # then it is a list or an array
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
    """Make the class of fitnesses with these weights, once."""
    return type("Fitness", (_Fitness,), {"weights": weights})


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


def from_select(
    function: Callable[..., Any],
    objectives: Objectives | Scored = FITNESS,
    form: IndividualCodec | None = None,
) -> Select:
    """Make a selection of the engine's from one of DEAP's.

    Failed individuals come after all others: they are chosen only where those are too few.

    Args:
        function: ``select(individuals, k)``: ``toolbox.select``, or one of ``deap.tools.sel*`` with
            its further arguments bound.
        objectives: What it compares; as in ``as_deap``.
        form: Makes the individuals that it sees; as in ``as_deap``.

    Raises:
        EvollmError: If the objectives are none. In a search: if the function raises, or returns
            what it was not given.
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
        tools.selNSGA2(sound, len(sound))  # it reads the crowding distances that this assigns
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
            "selection returns some of its individuals, unchanged"
        )
    return owner


def _inner(function: Any) -> Any:
    """Return what a toolbox's entry or a partial wraps."""
    while hasattr(function, "func"):
        function = function.func
    return function
