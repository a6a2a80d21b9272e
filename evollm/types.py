"""The types of the engine: its data classes, and the protocols of operators and problems."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite, isnan
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from numpy.random import Generator

from evollm.errors import EvollmError

G = TypeVar("G")
G_contra = TypeVar("G_contra", contravariant=True)
JSON: TypeAlias = Any
"""None, bool, int, float, str, or lists and string-keyed dicts of these."""
VIOLATION = "violation"
"""The metric with the total violation of a solution's constraints; without it, it has none."""


class NothingUsable(EvollmError):
    """The operators made no usable genome; the run adds the cause."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one evaluation.

    Attributes:
        fitness: The fitness; larger is better. NaN counts as minus infinity.
        metrics: Additional numbers by name: other objectives, tokens, sizes. A run drops anything
            that is not a number, with a warning. ``violation`` is the total violation of
            constraints, see ``merit``; an outcome in which it is not a finite number is a failure.
        error: Why the evaluation failed, if it did; then ``fitness`` is minus infinity.
        info: Information for operators: a trace, a text, worst cases. A run drops anything that the
            record can't store, with a warning.
        genome: The repaired genome, which replaces the candidate's in the search and in the record;
            None if the genome was not repaired.
        cost: Cost of the evaluation, at least 0, in the unit named by ``Problem.cost_unit``;
            ``Budget(cost=...)`` limits the sum. An outcome with an invalid cost is a failure with
            cost 0.
        bound: Whether the evaluation was cut short, so that the fitness is only a bound. It ranks
            behind a complete evaluation of the same fitness, and is never the best.
    """

    fitness: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    info: JSON = None
    genome: Any = None
    cost: float = 1.0
    bound: bool = False

    def __post_init__(self) -> None:
        if type(self.fitness) is not float:
            object.__setattr__(self, "fitness", number(self.fitness))
        if self.metrics:
            plain = {str(name): _plain(value) for name, value in self.metrics.items()}
            object.__setattr__(self, "metrics", plain)
        if self.error is not None:
            object.__setattr__(self, "error", str(self.error))
            object.__setattr__(self, "fitness", -inf)
        elif isnan(self.fitness):
            object.__setattr__(self, "fitness", -inf)
            object.__setattr__(self, "error", "the fitness is NaN")
        elif VIOLATION in self.metrics:
            self._check_violation()
        if type(self.cost) is not float or not 0 <= self.cost < inf:
            self._check_cost()

    @property
    def violation(self) -> float:
        """Total violation of the constraints; 0 if feasible, infinite if the evaluation failed."""
        if self.fitness == -inf:
            return inf
        return max(0.0, self.metrics.get(VIOLATION, 0.0)) if self.metrics else 0.0

    @property
    def merit(self) -> tuple[float, float]:
        """What outcomes are compared by: a larger one is better.

        Feasible ones are better than others and are compared by fitness; others are compared by
        their violation (Deb: An efficient constraint handling method for genetic algorithms, 2000).
        """
        return -self.violation, self.fitness

    def _check_violation(self) -> None:
        """Make a violation that can't be compared a failure, like a fitness of NaN."""
        found = self.metrics[VIOLATION]
        if not (isinstance(found, float) and isfinite(found)):
            object.__setattr__(self, "fitness", -inf)
            object.__setattr__(
                self, "error", f"the violation is {found!r}: give a finite number, 0 for none"
            )

    def _check_cost(self) -> None:
        """Convert the cost to a float; an invalid one is a failure, like a fitness of NaN."""
        cost = number(self.cost)
        if not (isfinite(cost) and cost >= 0):
            error = self.error or f"the cost is {cost}: give a finite number of at least 0"
            object.__setattr__(self, "fitness", -inf)
            object.__setattr__(self, "error", error)
            cost = 0.0
        object.__setattr__(self, "cost", cost)


def number(value: Any) -> float:
    """Return a value as a number; an array of one item counts as that item.

    Raises:
        TypeError: If it is anything else: a string, None, a larger array.
        ValueError: If it can't be converted.
    """
    if isinstance(value, str | bytes):
        raise TypeError(f"a text is not a number: {value!r}")
    if getattr(value, "shape", None) == (1,):
        value = value.item()
    try:
        return float(value)
    except TypeError:
        raise TypeError(f"a value must be a number, not {value!r:.80}") from None


def _plain(value: Any) -> Any:
    try:
        return number(value)
    except (TypeError, ValueError):
        return value


@dataclass(frozen=True, slots=True)
class Candidate(Generic[G]):
    """A child that has not been scored yet.

    Attributes:
        id: Unique in the run, and the same in every replay of it.
        genome: The genome that the problem scores.
        parents: Ids of the candidates that it was made from.
        operator: Name of the operator that made it.
        step: The flow's step (in a generational algorithm the generation) in which it was made.
        note: The operator's note, such as a log-probability, the arm that made it, or a repair.
    """

    id: int
    genome: G
    parents: tuple[int, ...]
    operator: str
    step: int
    note: JSON = None


@dataclass(frozen=True, slots=True)
class Individual(Generic[G]):
    """A candidate with the outcome of its latest evaluation; reads like a candidate.

    Attributes:
        candidate: The child as it was made.
        outcome: The result of the evaluation.
        fidelity: Effort of that evaluation in the problem's unit; None if the problem has only one.
    """

    candidate: Candidate[G]
    outcome: Outcome
    fidelity: int | None = None

    @property
    def id(self) -> int:
        """The candidate's id."""
        return self.candidate.id

    @property
    def genome(self) -> G:
        """The candidate's genome."""
        return self.candidate.genome

    @property
    def parents(self) -> tuple[int, ...]:
        """Ids of the candidates that it was made from."""
        return self.candidate.parents

    @property
    def operator(self) -> str:
        """Name of the operator that made it."""
        return self.candidate.operator

    @property
    def step(self) -> int:
        """The flow's step in which it was made."""
        return self.candidate.step

    @property
    def note(self) -> JSON:
        """The operator's note about the candidate."""
        return self.candidate.note

    @property
    def fitness(self) -> float:
        """The outcome's fitness; larger is better."""
        return self.outcome.fitness

    @property
    def merit(self) -> tuple[float, float]:
        """What individuals are compared by, see ``Outcome.merit``."""
        return self.outcome.merit

    @property
    def violation(self) -> float:
        """The total violation of the constraints; 0 if it is feasible."""
        return self.outcome.violation

    @property
    def metrics(self) -> Mapping[str, float]:
        """The outcome's additional numbers, by name."""
        return self.outcome.metrics

    @property
    def error(self) -> str | None:
        """Why the evaluation failed; None if it did not."""
        return self.outcome.error


@dataclass(frozen=True, slots=True)
class Offspring(Generic[G]):
    """An operator's children, possibly fewer than requested.

    Attributes:
        genomes: At most as many as requested.
        notes: One per genome, or empty.
        rejected: Number of rejected attempts, by reason.
        parents: For each genome the indices of its parents among the job's; empty if all are.
        asked: Number of genomes, or parts of them, requested from a model; 0 if no model was asked.
        supplied: Number of these that the model supplied; the others came from a stand-in or a
            repeated request.
        calls: For each genome the keys of the model's answers that it was made from; empty if none.
    """

    genomes: Sequence[G]
    notes: Sequence[JSON] = ()
    rejected: Mapping[str, int] = field(default_factory=dict)
    parents: Sequence[Sequence[int]] = ()
    asked: int = 0
    supplied: int = 0
    calls: Sequence[Sequence[str]] = ()


Parent: TypeAlias = Candidate[G] | Individual[G]


def evaluated(parent: Parent[G], outcome: Outcome) -> Candidate[G]:
    """Return a candidate with the genome as repaired by its evaluation."""
    candidate = candidate_of(parent)
    return candidate if outcome.genome is None else replace(candidate, genome=outcome.genome)


def candidate_of(parent: Parent[G]) -> Candidate[G]:
    """Return a parent without its outcome."""
    return parent.candidate if isinstance(parent, Individual) else parent


def fitness_of(parent: Parent[Any]) -> float:
    """Return a parent's fitness; minus infinity if it has not been scored."""
    return parent.fitness if isinstance(parent, Individual) else -inf


def merit_of(parent: Parent[Any]) -> tuple[float, float]:
    """Return what a parent is compared by; the worst if it has not been scored."""
    return parent.merit if isinstance(parent, Individual) else (-inf, -inf)


@runtime_checkable
class Operator(Protocol[G]):
    """Makes children from parents; stateless, picklable, determined by seed and model answers.

    An implementation is usually a frozen dataclass, whose fields are recorded as parameters. Set
    the attribute ``io_bound = True`` if the call mostly waits for a network, so that several run at
    once: as many as the model's ``concurrency``, or as there are lanes.
    """

    def vary(self, parents: Sequence[Parent[G]], n: int, seed: int) -> Offspring[G]:
        """Return up to ``n`` children of ``parents``.

        Args:
            parents: The parents, in the order in which the flow drew them.
            n: Number of requested children.
            seed: For ``numpy.random.default_rng``; the only source of randomness.
        """
        ...


class Elementwise(Operator[G], Protocol[G]):
    """An operator that can do many small jobs at once, which is much faster with NumPy.

    It declares this by the attribute ``elementwise = True``; algorithms may then give it the jobs
    of a generation together.
    """

    elementwise: bool

    def vary_many(self, parents: Sequence[Parent[G]], n: int, seeds: Sequence[int]) -> Offspring[G]:
        """Do one job per seed; the result is bit for bit that of separate calls of ``vary``.

        Args:
            parents: The parents of all jobs, concatenated, the same number for each.
            n: Exact number of children per job.
            seeds: The jobs' seeds.

        Returns:
            The children in the order of the jobs, always with ``parents`` as indices into the
            argument.
        """
        ...


@runtime_checkable
class Problem(Protocol[G_contra]):
    """Scores genomes in batches.

    Set the attribute ``elementwise = True`` if the genomes of a batch are scored independently, so
    that a batch may be split anywhere; otherwise it is split only among workers.

    If a problem yields its outcomes, each is recorded as it arrives: a kill loses at most one
    evaluation per worker, and a stop waits for at most one. If it returns a list, the whole list is
    lost or waited for: about one second's work (estimated by the slowest recent evaluation) with
    ``elementwise = True``, otherwise a worker's share of the batch.

    Set the attribute ``asks_model = True`` if evaluations ask a language model. Workers in other
    processes then get the key in ``OPENAI_API_KEY``, which other problems' workers don't get; a
    tuple names other variables that contain keys. With or without the attribute, the calls are
    recorded under the evaluation's job, and count in the run's usage and budgets. A call beyond the
    budget ends the run: its evaluation has no outcome, and is repeated when the run is resumed with
    a larger budget, with the recorded answers at no charge. A thread started by an evaluation must
    run in a copy of the evaluation's context (``contextvars.copy_context().run``), otherwise its
    calls are not counted.

    Set the attribute ``cost_unit`` to the unit of the outcomes' costs, such as "nominal tokens",
    for reports and messages.

    A problem may have a method ``prepare()`` that builds its data. It is called before anything is
    spent, in this process and once in each worker process, outside any time limit.
    """

    def evaluate(
        self, genomes: Sequence[G_contra], fidelity: int | None, seed: int
    ) -> Iterable[Outcome]:
        """Return or yield one outcome per genome, in order.

        The genomes are copies and may be changed; to keep a change, return it as the outcome's
        ``genome``.

        Args:
            genomes: The genomes to score.
            fidelity: Effort to spend, in the problem's unit; None if the problem has only one.
            seed: Fixes the data or the noise shared by the whole batch.

        A problem may also take the keyword ``context``, with a default of None: a dict with the
        genomes' ``ids`` in order and the flow's information about the job, such as the parent's id,
        the number of survivors and a threshold. A problem that cuts an evaluation short below the
        threshold returns ``Outcome(..., bound=True)``.
        """
        ...


Select: TypeAlias = Callable[[Sequence[Individual[Any]], int, Generator], list[Individual[Any]]]
"""``select(pool, k, rng)`` returns ``k`` individuals; used for parents and survivors."""


def name_of(thing: object) -> str:
    """Return the name under which an operator or a problem is recorded."""
    name = getattr(thing, "name", None)
    return name if isinstance(name, str) else type(thing).__name__
