"""The vocabulary of the engine: its records, and the protocols that plug into it."""

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


class NothingUsable(EvollmError):
    """The operators gave a search no usable genome; the run adds the cause."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one evaluation found.

    Attributes:
        fitness: Larger is better, everywhere. NaN counts as minus infinity.
        metrics: Further numbers by name: other objectives, tokens spent, sizes. A run drops, with a
            warning, what is not a number.
        error: Why the evaluation failed, if it did; then ``fitness`` is minus infinity.
        info: What an operator may read about it: a trace, a text, worst cases. A run drops,
            with a warning, what the record cannot store.
        genome: The repaired genome, if the evaluation repaired it: it takes the candidate's place,
            in the search and in the record. None if the genome was scored as it came.
        cost: What the evaluation cost, at least 0, in the unit that ``Problem.cost_unit`` names:
            ``Budget(cost=...)`` limits the sum. An outcome with any other cost is a failure, of
            cost 0.
        bound: Whether the evaluation was cut short, so that the fitness is a bound only. It ranks
            behind a whole evaluation of the same fitness, and is never the best.
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
        if type(self.cost) is not float or not 0 <= self.cost < inf:
            self._check_cost()

    def _check_cost(self) -> None:
        """Make the cost a float; one that cannot be summed is a failure, as a fitness of NaN is."""
        cost = number(self.cost)
        if not (isfinite(cost) and cost >= 0):
            error = self.error or f"the cost is {cost}: give a finite number of at least 0"
            object.__setattr__(self, "fitness", -inf)
            object.__setattr__(self, "error", error)
            cost = 0.0
        object.__setattr__(self, "cost", cost)


def number(value: Any) -> float:
    """Return a value as a number; an array of one item is its item.

    Raises:
        TypeError: If it is of another kind: a text, None, a larger array.
        ValueError: If it can't be converted.
    """
    if isinstance(value, str | bytes):
        raise TypeError(f"a text is not a number: {value!r}")
    if getattr(value, "shape", None) == (1,):
        value = value.item()
    return float(value)


def _plain(value: Any) -> Any:
    try:
        return number(value)
    except (TypeError, ValueError):
        return value


@dataclass(frozen=True, slots=True)
class Candidate(Generic[G]):
    """A child that no problem has scored yet.

    Attributes:
        id: Unique in the run, and the same in every replay of it.
        genome: What the problem scores.
        parents: Ids of the candidates that it was made from.
        operator: Name of the operator that made it.
        step: The flow's step (in a generational loop: the generation) in which it was born.
        note: What the operator noted: a log-probability, which arm made it, a repair.
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
        outcome: What the problem found.
        fidelity: How much effort that evaluation took, in the problem's own unit; None if it has
            one only.
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
        """The flow's step in which it was born."""
        return self.candidate.step

    @property
    def note(self) -> JSON:
        """What the operator noted about the candidate."""
        return self.candidate.note

    @property
    def fitness(self) -> float:
        """The outcome's fitness; larger is better."""
        return self.outcome.fitness

    @property
    def metrics(self) -> Mapping[str, float]:
        """The outcome's further numbers, by name."""
        return self.outcome.metrics

    @property
    def error(self) -> str | None:
        """Why the evaluation failed; None if it did not."""
        return self.outcome.error


@dataclass(frozen=True, slots=True)
class Offspring(Generic[G]):
    """What an operator made of its parents; possibly fewer genomes than requested.

    Attributes:
        genomes: At most as many as requested.
        notes: One per genome, or empty.
        rejected: How many attempts were rejected, by reason.
        parents: For each genome the positions of its own parents among the job's; empty if all are.
        asked: How many genomes, or parts of them, a model was asked for; 0 if none was asked.
        supplied: How many of these the model supplied; the rest fell back on a stand-in, or on
            asking again.
        calls: For each genome the keys of the model's answers that it was made of; empty if none.
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
    """Return a candidate as its evaluation left it: with the repaired genome, if there is one."""
    candidate = candidate_of(parent)
    return candidate if outcome.genome is None else replace(candidate, genome=outcome.genome)


def candidate_of(parent: Parent[G]) -> Candidate[G]:
    """Return a parent as it was made, without its outcome."""
    return parent.candidate if isinstance(parent, Individual) else parent


def fitness_of(parent: Parent[Any]) -> float:
    """Return a parent's fitness; minus infinity if it has not been scored."""
    return parent.fitness if isinstance(parent, Individual) else -inf


@runtime_checkable
class Operator(Protocol[G]):
    """Makes children from parents: stateless, picklable, pure given its seed and a model's answers.

    An implementation is usually a frozen dataclass: its fields are the parameters that the run
    records. Set the attribute ``io_bound = True`` if the call mostly waits for a network, so that
    the loop runs several at once: as many as its model's ``concurrency``, or as there are lanes.
    """

    def vary(self, parents: Sequence[Parent[G]], n: int, seed: int) -> Offspring[G]:
        """Return up to ``n`` children of ``parents``.

        Args:
            parents: In the order in which the flow drew them.
            n: How many children the flow would like.
            seed: For ``numpy.random.default_rng``; the only source of randomness.
        """
        ...


class Elementwise(Operator[G], Protocol[G]):
    """An operator that does many small jobs at once, for NumPy is slow on two rows.

    It says so by the attribute ``elementwise = True``; then algorithms may give it the jobs of a
    generation together.
    """

    elementwise: bool

    def vary_many(self, parents: Sequence[Parent[G]], n: int, seeds: Sequence[int]) -> Offspring[G]:
        """Do a job per seed: bit for bit what ``vary`` returns for each, one after the other.

        Args:
            parents: The jobs' parents, equally many for each, one after the other.
            n: How many children each job makes, none fewer.
            seeds: The jobs' seeds.

        Returns:
            The children in the order of the jobs, always with their parents' places in ``parents``.
        """
        ...


@runtime_checkable
class Problem(Protocol[G_contra]):
    """Scores genomes in batches.

    Set the attribute ``elementwise = True`` if the genomes of a batch are scored one by one, so
    that a batch may be cut anywhere; otherwise it is cut only among workers.

    A problem that yields its outcomes has each of them recorded as it arrives: then at most one
    evaluation per worker is lost with a killed run, and a run that is to stop waits for one at
    most. Of a problem that returns a list, the whole list is lost or waited for: about a second's
    work, by the slowest recent evaluation, with ``elementwise = True``, and else a worker's share
    of the batch.

    Set the attribute ``asks_model = True`` if evaluations ask a language model. Workers in other
    processes then see the key in ``OPENAI_API_KEY``, which they see of no other problem; a tuple
    of names stands for other variables that hold keys. With or without the attribute, the calls are
    recorded under the evaluation's job, and count in the run's usage and budgets. A call beyond the
    budget ends the run: its evaluation has no outcome, and when the run is resumed with a larger
    budget it is made again, with the recorded answers at no charge. A thread that an evaluation
    starts has to run in a copy of the evaluation's context (``contextvars.copy_context().run``), or
    what it asks is not counted.

    Set the attribute ``cost_unit`` to the name of the unit of the outcomes' costs, such as
    "nominal tokens", for reports and reasons to stop.

    A problem may have a method ``prepare()``, which builds its data. It is called before anything
    is spent: here, and once in each worker process, outside any time limit.
    """

    def evaluate(
        self, genomes: Sequence[G_contra], fidelity: int | None, seed: int
    ) -> Iterable[Outcome]:
        """Return or yield one outcome per genome, in order.

        The genomes are copies, which may be changed; to keep a change, return it as the outcome's
        ``genome``.

        Args:
            genomes: What to score.
            fidelity: How much effort to spend, in the problem's own unit; None if it has one only.
            seed: Fixes the data or the noise that the whole batch shares.

        A problem may also take the keyword ``context``, with a default of None: a dict with what
        the flow says about the job, such as the parent's id, how many go on and a bar to reach, and
        the genomes' ``ids`` in their order. A problem that stops below the bar says so by
        ``Outcome(..., bound=True)``.
        """
        ...


Select: TypeAlias = Callable[[Sequence[Individual[Any]], int, Generator], list[Individual[Any]]]
"""``select(pool, k, rng)`` returns ``k`` individuals: one shape for parents and survivors."""


def name_of(thing: object) -> str:
    """Return the name under which an operator or a problem is recorded."""
    name = getattr(thing, "name", None)
    return name if isinstance(name, str) else type(thing).__name__
