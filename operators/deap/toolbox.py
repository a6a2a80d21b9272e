"""Toolboxes: convert a DEAP toolbox to operators, selection and problem of the engine."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf, isnan
from typing import Any

from deap import gp

from evollm.errors import EvollmError
from evollm.types import JSON, Outcome, Select
from operators.deap.functions import FromDeap, described, named, parameters, seeded_globals
from operators.deap.genomes import below, carried, same
from operators.deap.individuals import IndividualCodec, Plain, Several, Trees
from operators.deap.pickling import packed, restored
from operators.deap.ranking import from_select, objective, weighted

log = logging.getLogger("evollm")

_MOST = 100  # a longer list is data and does not contain primitive sets


@dataclass(frozen=True)
class FromToolbox:
    """An evaluation function written for DEAP as a problem.

    The fitness is the first objective times its weight, so that larger is better; the metrics
    contain all objectives unchanged. If the function changes its individual (items or attributes),
    that becomes the outcome's repaired genome. Workers in other processes get the individuals'
    class with the problem.

    Attributes:
        function: ``evaluate(individual)``, which returns a tuple of one number per objective.
        weights: Weights of the objectives; negative to minimise.
        form: Converts a genome to an individual.
        names: Of the objectives; ``obj0``, ``obj1``, ... by default.
        draws: Whether the function draws from the global random states. They are then seeded, for
            one thread at a time.
        parameters: The function and its bound arguments, for the record.
    """

    function: Callable[[Any], Any] = field(metadata={"parameter": False})
    weights: tuple[float, ...]
    form: IndividualCodec = field(default_factory=Plain)
    names: tuple[str, ...] = ()
    draws: bool = False
    parameters: JSON = field(init=False)
    elementwise = True

    def __post_init__(self) -> None:
        weights = tuple(weighted(tuple(self.weights)).values())
        names = tuple(self.names) or tuple(map(objective, range(len(weights))))
        if len(set(names)) != len(weights) or "fitness" in names:
            raise EvollmError(
                f"{len(weights)} objectives can't have the names {names}: give different names "
                "other than 'fitness'"
            )
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "parameters", parameters(self.function))

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (type(self), packed(vars(self)))

    @property
    def name(self) -> str:
        """The function's name."""
        return named(self.function)

    @property
    def objectives(self) -> dict[str, float]:
        """The objectives' weights by name."""
        return dict(zip(self.names, self.weights, strict=True))

    def evaluate(
        self, genomes: Sequence[Any], fidelity: int | None, seed: int
    ) -> Iterator[Outcome]:
        """Score the genomes one by one, and yield each outcome as soon as it is known.

        An exception makes only that evaluation fail.

        Raises:
            EvollmError: If the function does not return one number per objective, or leaves an
                individual that can't be recorded.
        """
        return (self._score(genome, seed) for genome in genomes)

    def _score(self, genome: Any, seed: int) -> Outcome:
        individual = self.form.from_genome(genome)
        before = self.form.to_genome(individual)
        try:
            if self.draws:
                with seeded_globals(seed):
                    found = self.function(individual)
            else:
                found = self.function(individual)
        except EvollmError:
            raise
        except Exception as error:
            return Outcome(-inf, error=described(error))
        outcome, after = self._outcome(found), self.form.to_genome(individual)
        return outcome if same(before, after) else replace(outcome, genome=after)

    def _outcome(self, found: Any) -> Outcome:
        try:
            values = [float(value) for value in found]
        except (TypeError, ValueError):
            values = []
        if len(values) != len(self.weights):
            raise EvollmError(
                f"{self.name} must return a tuple of {len(self.weights)} numbers, one per weight, "
                f"not {found!r}: correct its return statement"
            )
        metrics = dict(zip(self.names, values, strict=True))
        unknown = [name for name, value in metrics.items() if isnan(value)]
        if unknown:
            return Outcome(-inf, metrics, error=f"{', '.join(unknown)} is NaN")
        return Outcome(values[0] * self.weights[0], metrics)


@dataclass(frozen=True)
class Parts:
    """A toolbox's entries as parts of the engine.

    Attributes:
        start: Makes the initial individuals.
        mate: Makes two children from two parents.
        mutate: Makes one child from one parent.
        problem: Scores genomes.
        select: The toolbox's ``select``; None if it has none.
        form: Converts genomes to the toolbox's individuals:
            ``form.from_genome(result.best.genome)``.
    """

    start: FromDeap
    mate: FromDeap
    mutate: FromDeap
    problem: FromToolbox
    select: Select | None
    form: IndividualCodec

    @property
    def objectives(self) -> dict[str, float]:
        """The objectives' weights by name, for ``as_deap``, ``nsga2`` and ``DeapLog``."""
        return self.problem.objectives


def from_toolbox(
    toolbox: Any,
    *,
    weights: Sequence[float] = (),
    names: Sequence[str] = (),
    form: IndividualCodec | None = None,
    draws: bool = False,
) -> Parts:
    """Turn a toolbox with ``individual``, ``mate``, ``mutate`` and ``evaluate`` into parts.

    ::

        parts = from_toolbox(toolbox)
        flow = ea_simple(parts.start, parts.mate, parts.mutate, select=parts.select, size=300,
                         cxpb=0.5, mutpb=0.2, seed=1)
        result = run(flow, parts.problem, budget=Budget(generations=40))
        hall.update(as_deap(result.population, parts))

    The toolbox's ``individual`` is called once to inspect the result. Its ``map`` is not used,
    because evaluations run on the executor of ``run``.

    Args:
        toolbox: A ``deap.base.Toolbox``; later changes to it have no effect.
        weights: Weights of the objectives; by default those of the individuals' fitness.
        names: Of the objectives; ``obj0``, ``obj1``, ... by default.
        form: Converts individuals to genomes; by default inferred from an individual.
        draws: Whether ``evaluate`` draws from the global random states.

    Raises:
        EvollmError: If the toolbox lacks an entry, weights or form can't be inferred, or an
            individual can't be recorded and restored.
    """
    for alias in ("individual", "mate", "mutate", "evaluate"):
        if not hasattr(toolbox, alias):
            raise EvollmError(f"the toolbox has no {alias!r}: register one first")
    if getattr(toolbox.map, "func", toolbox.map) is not map:
        log.warning("toolbox.map is not used: give run an executor, such as Processes(4)")
    with seeded_globals(0):
        individual = toolbox.individual()
        form = form or form_of(individual, toolbox)
        _check(form, individual)
    weights = weights or getattr(getattr(individual, "fitness", None), "weights", ())
    if not weights:
        raise EvollmError("the toolbox's individuals have no fitness with weights: give weights")
    problem = FromToolbox(toolbox.evaluate, tuple(weights), form, tuple(names), draws)
    select = getattr(toolbox, "select", None)
    return Parts(
        FromDeap(toolbox.individual, 0, form),
        FromDeap(toolbox.mate, 2, form),
        FromDeap(toolbox.mutate, 1, form),
        problem,
        select and from_select(select, problem),
        form,
    )


def _check(form: IndividualCodec, individual: Any) -> None:
    """Check that an individual can be restored from its genome."""
    genome = form.to_genome(individual)
    if not same(genome, form.to_genome(form.from_genome(genome))):
        name = type(individual).__name__
        raise EvollmError(
            f"a {name} restored from its genome differs from the original: make {name}(items) "
            "return one with the same items, or give a form with to_genome and from_genome"
        )


def form_of(individual: Any, toolbox: Any) -> IndividualCodec:
    """Infer the form from an individual, and the primitive sets of trees from the toolbox.

    Raises:
        EvollmError: If a primitive set can't be inferred.
    """
    kind = type(individual)
    kinds = {name: type(value) for name, value in carried(individual).items() if _classed(value)}
    bound = [value for entry in vars(toolbox).values() for value in _bound(entry)]
    if isinstance(individual, gp.PrimitiveTree):
        return Trees(_pset(individual, bound), kind, kinds=kinds)
    parts = individual if isinstance(individual, list) else []
    if not parts or not all(isinstance(part, gp.PrimitiveTree) for part in parts):
        return Plain(kind, kinds=kinds)
    ordered = [value for value in bound if _psets(value, len(parts))]
    options = ordered[0] if ordered else [None] * len(parts)
    forms = [
        Trees(pset or _pset(part, bound), type(part))
        for part, pset in zip(parts, options, strict=True)
    ]
    return Several(tuple(forms), kind, kinds=kinds)


def _classed(value: Any) -> bool:
    """Return whether an attribute's class is lost when its plain value is recorded."""
    try:
        return type(below(value)) is not type(value)
    except EvollmError:  # the form raises the error, with the attribute's name
        return False


def _psets(value: Any, size: int) -> bool:
    """Return whether a value lists one primitive set per tree, as ``gp.compileADF`` takes them."""
    return (
        isinstance(value, list | tuple)
        and len(value) == size
        and all(isinstance(one, gp.PrimitiveSetTyped) for one in value)
    )


def _pset(tree: Any, bound: Sequence[Any]) -> Any:
    """Infer a tree's primitive set: that of its class, or the only bound one with its nodes."""
    own = getattr(type(tree), "pset", None)
    if isinstance(own, gp.PrimitiveSetTyped):
        return own
    psets = {id(value): value for value in bound if isinstance(value, gp.PrimitiveSetTyped)}
    fitting = [pset for pset in psets.values() if _holds(pset, tree)]
    if len(fitting) != 1:
        raise EvollmError(
            f"the toolbox's entries name {len(psets)} primitive sets, of which {len(fitting)} "
            f"contain the nodes of a {type(tree).__name__}: give form=Trees(pset, "
            f"{type(tree).__name__}), or Several of such forms for a list of trees"
        )
    return fitting[0]


def _holds(pset: Any, tree: Any) -> bool:
    try:
        Trees(pset).to_genome(tree)
    except EvollmError:
        return False
    return True


def _bound(entry: Any) -> Iterator[Any]:
    """Yield the arguments bound by a toolbox's entry, including nested ones."""
    if isinstance(entry, partial):
        held: Iterable[Any] = (*entry.args, *entry.keywords.values())
    elif isinstance(entry, list | tuple) and len(entry) <= _MOST:
        held = entry
    else:
        return
    for value in held:
        yield value
        yield from _bound(value)
