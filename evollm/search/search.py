"""The search: drives flows through ask and tell, without clock, input or output."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from inspect import GEN_CREATED, getgeneratorstate, isgenerator
from typing import Any

from evollm.errors import EvollmError
from evollm.search.enqueued import Enqueued
from evollm.search.flow import Evaluate, Flow, Job, Reused, Survivors, Vary
from evollm.types import Candidate, Individual, Offspring, Outcome, evaluated, name_of

_IDLE = 10_000  # number of yields without work after which a flow is considered endless


@dataclass(slots=True)
class Ticket:
    """A job that a flow has asked for, until it is answered.

    Attributes:
        id: Number of the job in the order of asking, from 0; the same in every replay.
        lane: Index of the flow.
        job: The requested job.
        first: Id of the first child of a ``Vary``; the others follow.
        answers: The answers so far: candidates, or one individual or None per place.
        missing: Number of missing answers.
    """

    id: int
    lane: int
    job: Job
    first: int
    answers: list[Any]
    missing: int


@dataclass(slots=True)
class _Lane:
    flow: Flow
    batch: list[Ticket] = field(default_factory=list)
    open: int = 0
    single: bool = True


class Search:
    """Drives one flow, or several lanes that share a population, through ask and tell.

    The ids of a job and its children depend only on the order of the earlier answers, so that
    feeding recorded answers to the same flows repeats the same search.

    Attributes:
        population: The survivors last announced by a flow.
        best: The individual that the flow names as the best; if it names none, the fittest complete
            evaluation at the highest fidelity so far, of equal ones the older; see
            ``Outcome.merit``. It is feasible if any individual is.
        best_committed: The best among completely answered jobs; it changes at the same points in a
            replay.
        names_best: Whether the flow names the best.
        step: The last step that a flow has completed; -1 before the first.
        ending: Why a flow ended by itself, if it returned a reason.
        reused: Each score that a flow reused instead of evaluating, in order: the individual, the
            id of the candidate that was evaluated, and the step.
        done: Whether every flow has ended by itself.
    """

    def __init__(self, *lanes: Flow) -> None:
        if not lanes:
            raise EvollmError("a search needs at least one flow")
        for flow in lanes:
            if isinstance(flow, Search):
                raise EvollmError(
                    "this is already a Search: use it without another Search around it"
                )
            if not isgenerator(flow) or getgeneratorstate(flow) != GEN_CREATED:
                raise EvollmError(f"{flow!r} is not a new flow: call its function again")
        self.population: list[Individual[Any]] = []
        self.best: Individual[Any] | None = None
        self.best_committed: Individual[Any] | None = None
        self.step = -1
        self.names_best = False
        self.reused: list[tuple[Individual[Any], int, int]] = []
        self.ending = ""
        self._announces = False
        self._lanes: list[_Lane | None] = [_Lane(flow) for flow in lanes]
        self._open: dict[int, Ticket] = {}
        self._fresh: list[Ticket] = []
        self._tickets = self._candidates = 0
        self._known: list[Any] = []
        self._started = False

    @property
    def started(self) -> bool:
        """Whether the search has been asked for jobs."""
        return self._started

    @property
    def flows(self) -> list[Flow]:
        """The flows that have not ended."""
        return [lane.flow for lane in self._lanes if lane]

    @property
    def done(self) -> bool:
        """Whether every flow has ended by itself."""
        return self._started and not any(self._lanes)

    def enqueue(self, genomes: Iterable[Any]) -> "Search":
        """Make known genomes the first ones of the initial population, and return the search.

        Raises:
            EvollmError: If the search has begun; or when it begins, if more genomes are enqueued
                than the initial population has places.
        """
        if self._started:
            raise EvollmError(
                "genomes can't be enqueued after a search has begun: make a new search"
            )
        self._known += genomes
        return self

    def ask(self) -> list[Ticket]:
        """Return the jobs that have become ready since the last call, ordered by id."""
        if not self._started:
            self._started = True
            for number in range(len(self._lanes)):
                self._resume(number, None)
        fresh, self._fresh = self._fresh, []
        return fresh

    def tell(self, ticket: Ticket, offspring: Offspring[Any]) -> list[Candidate[Any]]:
        """Answer a ``Vary`` job.

        Returns:
            The children, with ids and lineage.

        Raises:
            EvollmError: If there are more children than were asked for, or notes or parents that
                don't match them.
        """
        job = ticket.job
        assert isinstance(job, Vary)
        if ticket.id not in self._open:
            raise EvollmError(
                f"job {ticket.id} is not open: it was answered already, or never asked"
            )
        check(ticket, offspring)
        ticket.answers = _children(ticket, offspring)
        ticket.missing = 0
        children = list(ticket.answers)
        self._close(ticket)
        return children

    def score(self, ticket: Ticket, place: int, outcome: Outcome) -> Individual[Any]:
        """Answer one place of an ``Evaluate`` job; the flow continues when every place is answered.

        Raises:
            EvollmError: If that place has been answered before.
        """
        job = ticket.job
        assert isinstance(job, Evaluate)
        if ticket.answers[place] is not None:
            raise EvollmError(f"place {place} of job {ticket.id} is answered already")
        individual = Individual(evaluated(job.candidates[place], outcome), outcome, job.fidelity)
        ticket.answers[place] = individual
        ticket.missing -= 1
        if not self.names_best:
            self.best = _better(self.best, individual)
        if not ticket.missing:
            self._close(ticket)
        return individual

    def _close(self, ticket: Ticket) -> None:
        """Send a lane its answers once its whole batch is answered."""
        del self._open[ticket.id]
        lane = self._lanes[ticket.lane]
        assert lane is not None
        if isinstance(ticket.job, Evaluate):
            if not self.names_best:
                fittest = max(ticket.answers, key=_rank)
                self.best_committed = _better(self.best_committed, fittest)
            if not self._announces:
                self.population, self.step = list(ticket.answers), max(self.step, ticket.job.step)
        lane.open -= 1
        if not lane.open:
            answers = [other.answers for other in lane.batch]
            self._resume(ticket.lane, answers[0] if lane.single else answers)

    def _resume(self, number: int, value: Any) -> None:
        """Run a flow until it waits for jobs or ends."""
        lane = self._lanes[number]
        assert lane is not None
        for _ in range(_IDLE):
            try:
                asked = lane.flow.send(value)
            except StopIteration as end:
                self._lanes[number] = None
                self.ending = end.value if isinstance(end.value, str) else self.ending
                return
            if isinstance(asked, Survivors | Reused):
                self._take(asked)
                value = None
                continue
            lane.single = isinstance(asked, Vary | Evaluate)
            jobs = [asked] if isinstance(asked, Vary | Evaluate) else list(asked)
            lane.batch = [self._ticket(number, job) for job in jobs]
            lane.open = sum(ticket.missing > 0 for ticket in lane.batch)
            if lane.open:
                return
            value = [] if lane.single else [[] for _ in jobs]
        raise EvollmError(
            f"the algorithm loops without work: it asked {_IDLE} times in a row for no child and "
            "no score; let the flow end when nothing is left to do"
        )

    def _take(self, notice: Survivors[Any] | Reused[Any]) -> None:
        """Store announced survivors with the best, or reused scores."""
        if isinstance(notice, Reused):
            found = zip(notice.individuals, notice.sources, strict=True)
            self.reused += [(one, source, notice.step) for one, source in found]
            return
        self._announces = True
        self.population, self.step = list(notice.population), max(self.step, notice.step)
        if notice.best is not None:
            self.names_best = True
            if not notice.best.outcome.bound:
                self.best = self.best_committed = notice.best

    def _ticket(self, lane: int, job: Job) -> Ticket:
        """Number a job, and reserve the ids of its children."""
        if isinstance(job, Vary):
            if isinstance(job.operator, type) or not hasattr(job.operator, "vary"):
                raise EvollmError(
                    f"{job.operator!r} is not an operator: decorate a function with @operator, or "
                    "create an instance of an operator class"
                )
            job = self._with_known(job) if self._known else job
            ticket = Ticket(self._tickets, lane, job, self._candidates, [], int(job.n > 0))
            self._candidates += max(0, int(job.n))
        elif isinstance(job, Evaluate):
            size = len(job.candidates)
            ticket = Ticket(self._tickets, lane, job, 0, [None] * size, size)
        else:
            raise EvollmError(
                "a flow must yield Vary, Evaluate, Survivors, Reused or a list of jobs, not "
                f"{job!r}"
            )
        self._tickets += 1
        if ticket.missing:
            self._open[ticket.id] = ticket
            self._fresh.append(ticket)
        return ticket

    def _with_known(self, job: Vary[Any]) -> Vary[Any]:
        """Put enqueued genomes into the first places of a job that starts a population."""
        if job.parents or job.step:
            raise EvollmError(
                f"{len(self._known)} of the enqueued genomes don't fit into the initial "
                "population: make it larger, or enqueue fewer"
            )
        known, self._known = self._known[: int(job.n)], self._known[int(job.n) :]
        return replace(job, operator=Enqueued(known, job.operator)) if known else job


def _better(one: Individual[Any] | None, other: Individual[Any]) -> Individual[Any] | None:
    """Return the better of two individuals; an evaluation that was cut short is never better."""
    if other.outcome.bound:
        return one
    return other if one is None or _rank(other) > _rank(one) else one


def _rank(individual: Individual[Any]) -> tuple[bool, int, tuple[float, float], int]:
    """Order by fidelity, merit and age, but any feasible one above all others.

    It is a total order, independent of the order of answers.
    """
    merit = individual.outcome.merit
    return merit[0] == 0, individual.fidelity or 0, merit, -individual.candidate.id


def check(ticket: Ticket, offspring: Offspring[Any]) -> None:
    """Check an operator's answer before it reaches the record or a flow.

    Raises:
        EvollmError: If there are more children than were asked for, or notes or parents that don't
            match them.
    """
    job, size = ticket.job, len(offspring.genomes)
    assert isinstance(job, Vary)
    name, pool = name_of(job.operator), range(len(job.parents))
    for what in ("notes", "parents", "calls"):
        listed = getattr(offspring, what)
        if len(listed) not in (0, size):
            raise EvollmError(
                f"{name} returned {size} genomes but {len(listed)} {what}: return one per genome, "
                "or none at all"
            )
    if size > job.n:
        raise EvollmError(
            f"{name} returned {size} genomes: return at most the {job.n} that were requested"
        )
    if not all(place in pool for own in offspring.parents for place in own):
        raise EvollmError(
            f"{name} returned a parent's index outside of the {len(pool)} parents of the job: "
            "count from 0"
        )


def _children(ticket: Ticket, offspring: Offspring[Any]) -> list[Candidate[Any]]:
    """Return an operator's offspring as candidates with ids and lineage."""
    job = ticket.job
    assert isinstance(job, Vary)
    name, size = name_of(job.operator), len(offspring.genomes)
    everyone = tuple(parent.id for parent in job.parents)
    lineage = [tuple(everyone[i] for i in own) for own in offspring.parents] or [everyone] * size
    notes = offspring.notes if len(offspring.notes) else [None] * size
    return [
        Candidate(ticket.first + i, genome, lineage[i], name, job.step, notes[i])
        for i, genome in enumerate(offspring.genomes)
    ]
