"""The driver: carries jobs to an executor and answers back, within a budget and on record."""

import queue
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from evollm.errors import EvollmError
from evollm.executors.base import Executor
from evollm.executors.scoring import Chunk, Scores
from evollm.ledger import Exhausted
from evollm.runtime.accounts import JobLedger
from evollm.runtime.budget import Budget, Meter
from evollm.runtime.causes import explained
from evollm.runtime.evaluations import EvaluationQueue
from evollm.runtime.intake import Intake
from evollm.runtime.result import dataframe
from evollm.runtime.stops import Stops
from evollm.runtime.variation import VariationPool
from evollm.runtime.yields import Yields
from evollm.search.fingerprint import Fingerprints
from evollm.search.flow import Evaluate, Vary
from evollm.search.search import Search, Ticket, check
from evollm.store import queries
from evollm.store.committer import Committer
from evollm.store.record import Record
from evollm.types import (
    Candidate,
    Individual,
    NothingUsable,
    Offspring,
    Outcome,
    Parent,
    Problem,
    evaluated,
    name_of,
)

if TYPE_CHECKING:
    import pandas

Callback: TypeAlias = Callable[["Run", Individual[Any]], object]
"""Called as ``f(run, individual)`` after each evaluation, failed or not; may call ``run.stop()``.

If it has a method ``tick(run)``, that is called several times a second while the run goes on.
"""
OnError: TypeAlias = Literal["record", "raise"]

_HOPELESS = 10  # so many evaluations, none of them good, are no search
_TURN = 0.002  # seconds of answers that are committed and told together


class Run:
    """One search under way.

    Attributes:
        search: The search, with its population and its best.
        problem: What scores genomes.
        record: What is written down.
        budget: What ends it.
        usage: What has been spent, over all resumes.
        executor: Where evaluations run.
        stopped: Why it ended, or is about to; empty while it goes on.
    """

    def __init__(
        self, search: Search, problem: Problem[Any], executor: Executor, record: Record, *,
        budget: Budget, callbacks: Sequence[Callback] = (), on_error: OnError = "record",
        write: Callable[[Individual[Any]], str] | None = None,
    ) -> None:  # fmt: skip
        self.search = search
        self.problem = problem
        self.record = record
        self.budget = budget
        self.usage = queries.usage(record)
        self.stopped = ""
        self.executor = executor
        self._callbacks = callbacks
        self._on_error = on_error
        self._text = write
        self._meter = Meter(budget, self.usage)
        self._stops = Stops(self._meter, search, record.get("cost_unit", ""))
        self._fingerprints = Fingerprints(problem)
        self._intake = Intake()
        self._finished: queue.SimpleQueue[tuple[Ticket | Chunk, Any]] = queue.SimpleQueue()
        self._batches = EvaluationQueue(
            problem, executor, lambda *done: self._finished.put(done), self._account
        )
        self._callers = VariationPool(lambda *done: self._finished.put(done), len(search.flows))
        self._committer = Committer(record)

        self._yields = Yields(record)
        self._varying: deque[Ticket] = deque()
        self._tellings: list[Callable[[], object]] = []
        self._answers = 0
        self._failure: BaseException | None = None
        self._dearest = queries.dearest(record)
        self._base, self._began = self.usage.seconds, -inf
        self._settled = -inf

    @property
    def best(self) -> Individual[Any] | None:
        """The best individual so far."""
        return self.search.best

    @property
    def finished(self) -> bool:
        """Whether the run is to stop and nothing is under way any more."""
        return bool(self.stopped) and not self._callers.active and not self._batches.in_flight

    @property
    def active(self) -> bool:
        """Whether an operator is at work."""
        return self._callers.active > 0

    def reasons(self) -> dict[str, float]:
        """Return the limits that are reached, by name; empty if the run may go on."""
        return self._stops.reasons()

    def _account(self, job: int) -> JobLedger:
        return JobLedger(job, self._meter, self.record)

    def candidates(self, chunk: Chunk) -> list[Candidate[Any]]:
        """Return the candidates of a chunk that is under way."""
        return self._batches.candidates(chunk)

    def dataframe(self) -> "pandas.DataFrame":
        """Return one row an evaluation so far; see ``evollm.Result.dataframe``."""
        return dataframe(self.record)

    def individuals(self) -> Iterator[Individual[Any]]:
        """Yield what has been evaluated so far, in the order of the jobs."""
        return queries.individuals(self.record)

    def stop(self, reason: str = "a callback asked for it") -> None:
        """End the run once the evaluations and calls under way are done."""
        self.stopped = self.stopped or reason
        self.executor.halt()

    def replay(self) -> int:
        """Feed the recorded answers to the search, in their order.

        Returns:
            How many jobs were answered from the record.

        Raises:
            EvollmError: If the search asks for another job than the one that was recorded.
        """
        asked: dict[int, Ticket] = {}
        for number, fingerprint in list(queries.answered(self.record)):
            asked |= {ticket.id: ticket for ticket in self.search.ask()}
            ticket = asked.pop(number, None)
            if ticket is None or self._fingerprints.of(ticket.job)[1] != fingerprint:
                raise self._differs(number)
            if isinstance(ticket.job, Vary):
                self._tell_again(ticket)
            else:
                for place, outcome in queries.outcomes(self.record, ticket):
                    self.search.score(ticket, place, outcome)
            self._answers += 1
            self._check_limits()
        for ticket in [*asked.values(), *self.search.ask()]:
            recorded = queries.fingerprint(self.record, ticket.id)
            if recorded not in (None, self._fingerprints.of(ticket.job)[1]):
                raise self._differs(ticket.id)
            known = dict(queries.outcomes(self.record, ticket))
            self._admit(ticket, known)
            for place, outcome in known.items():
                self.search.score(ticket, place, outcome)
        self._check()
        return self._answers

    def _tell_again(self, ticket: Ticket) -> None:
        """Tell the search what the record holds of an operator's job."""
        try:
            self.search.tell(ticket, queries.offspring(self.record, ticket))
        except NothingUsable as error:
            raise explained(error, self.record) from None

    def _differs(self, number: int) -> EvollmError:
        """Return the error that the record belongs to another search."""
        kind, name, step = queries.job(self.record, number)
        return EvollmError(
            f"this search is not the one recorded in {self.record.path}: job {number}, which was "
            f"{kind} by {name} in step {step}, is another one now; resume with the same settings "
            "and seed, or choose a new folder"
        )

    def advance(self, seconds: float | None = 0.1) -> None:
        """Send out what is ready, then take in what has finished.

        Args:
            seconds: How long to wait for something to finish; None for not at all.
        """
        if self._began == -inf:  # from here on it works: what came before was starting up
            self._began = time.monotonic()
        for ticket in self.search.ask():
            self._admit(ticket, ())
        while self._varying and not self.stopped and self._callers.free(self._varying[0]):
            ticket = self._varying.popleft()
            self._callers.call(ticket, self._account(ticket.id))
        if not self.stopped:
            self._batches.send(self._room() - self._batches.genomes)
        self._collect(seconds)
        self._check()
        for callback in self._callbacks:
            if tick := getattr(callback, "tick", None):
                tick(self)

    def _room(self) -> float:
        """Return how many genomes may be under way, if each costs as much as the dearest so far."""
        budget, usage = self.budget, self.usage
        room = inf if budget.evaluations is None else budget.evaluations - usage.evaluations
        dearest = 1.0 if self._dearest is None else self._dearest  # 1 is usual
        if budget.cost is not None and dearest:
            room = min(room, max(1, ceil((budget.cost - usage.cost) / dearest - 1e-9)))
        return room

    def _admit(self, ticket: Ticket, known: Collection[int]) -> None:
        """Note a job, but for the places that the record has already."""
        name, fingerprint = self._fingerprints.of(ticket.job)
        self.record.ask(ticket, name, fingerprint)
        if isinstance(ticket.job, Vary):
            self._varying.append(ticket)
            return
        self._batches.add(ticket, known)

    def _collect(self, seconds: float | None) -> None:
        """Take in all that has finished: first into the record, then into the search."""
        self._work()
        self._gather(seconds)
        self.usage.seconds = self._base + time.monotonic() - self._began
        if self._tellings:
            self._settle()

    def _work(self) -> None:
        """Evaluate for a moment, if this thread does the evaluations."""
        end = time.monotonic() + _TURN
        while self.executor.step():
            self._committer.start()
            self._note(*self._finished.get())
            if time.monotonic() > end:
                return

    def _gather(self, seconds: float | None) -> None:
        """Note what has finished: wait for the first, and for more while all workers are busy."""
        busy = self._callers.active + self._batches.in_flight
        pause = 0.0 if self._tellings or not busy else seconds or 0.0
        try:
            while True:
                self._note(*self._finished.get(timeout=pause))
                idle = self._callers.active + self._batches.in_flight < busy
                wait = self._settled + _TURN - time.monotonic()
                pause = 0.0 if idle else max(0.0, wait)
        except queue.Empty:
            pass

    def _note(self, who: Ticket | Chunk, what: Any) -> None:
        """Record one answer, and queue it for the search."""
        try:
            with self.record.together():
                self._tellings += self._write(who, what)
        except EvollmError as error:
            self._fail(error)

    def _settle(self) -> None:
        """Commit what was recorded, then tell the search."""
        self.record.put("seconds", self.usage.seconds)
        self.record.commit()
        tellings, self._tellings = self._tellings, []
        try:
            for tell in tellings:
                tell()
        except EvollmError as error:
            self._fail(explained(error, self.record))
        self._settled = time.monotonic()

    def _write(self, who: Ticket | Chunk, what: Any) -> list[Callable[[], object]]:
        """Record one answer; return what the search is to be told."""
        if isinstance(who, Chunk) and isinstance(what, Scores):
            return self._write_scores(who, what)
        if isinstance(who, Chunk):
            self._batches.drop(who)
        else:
            self._callers.active -= 1
        if isinstance(what, Exhausted):
            self.stop(str(what))
        elif isinstance(what, BaseException):
            self._fail(what)
        elif isinstance(who, Ticket):
            return self._write_children(who, what)
        return []

    def _write_children(
        self, ticket: Ticket, offspring: Offspring[Any]
    ) -> list[Callable[[], object]]:
        assert isinstance(ticket.job, Vary)
        check(ticket, offspring)  # a wrong answer must not reach the record
        offspring = self._intake.offspring(offspring, name_of(ticket.job.operator))
        self.record.children(ticket, offspring)
        self._mark(ticket, offspring)
        self._yields.note(name_of(ticket.job.operator), ticket.job.n, len(offspring.genomes))
        return [partial(self.search.tell, ticket, offspring), self._check_limits]

    def _write_scores(self, chunk: Chunk, scores: Scores) -> list[Callable[[], object]]:
        ticket = self._batches.ticket(chunk)
        job = ticket.job
        assert isinstance(job, Evaluate)
        taken, complete = self._batches.take(chunk, scores)
        found = [(place, self._intake.outcome(outcome)) for place, outcome in taken]
        for place, outcome in found:
            parent = job.candidates[place]
            self.record.outcome(ticket, place, parent.id, outcome, self._written(parent, outcome))
            self.usage.evaluations += 1
            self.usage.bounds += outcome.bound
            self.usage.cost += outcome.cost
            self._dearest = max(self._dearest or 0.0, outcome.cost)
            if outcome.error is not None:
                self._note_failure(outcome.error)
        if self.budget.cost is not None:
            self._check()  # at once, so that a worker begins no further evaluation
        if complete:
            self._mark(ticket)
        return [partial(self._score, ticket, place, outcome) for place, outcome in found]

    def _written(self, parent: Parent[Any], outcome: Outcome) -> str | None:
        """Return an evaluated genome as the system writes it, if there is a system."""
        if self._text is None:
            return None
        return self._text(Individual(evaluated(parent, outcome), outcome))

    def _note_failure(self, error: str) -> None:
        usage = self.usage
        usage.failed += 1
        if self._on_error == "raise":
            self._fail(EvollmError(f"an evaluation failed: {error}"))
        elif usage.failed == usage.evaluations >= _HOPELESS:
            self._fail(
                EvollmError(
                    f"all of the first {usage.failed} evaluations failed, the last with: {error}"
                )
            )

    def _mark(self, ticket: Ticket, offspring: Offspring[Any] | None = None) -> None:
        """Record that a job is answered, and its place in the order of answers."""
        self.record.told(ticket, self._answers, offspring)
        self._answers += 1

    def _score(self, ticket: Ticket, place: int, outcome: Outcome) -> None:
        individual = self.search.score(ticket, place, outcome)
        if not ticket.missing:
            self._check_limits()
        for callback in self._callbacks:
            callback(self, individual)

    def _check_limits(self) -> None:
        """Check whether a complete answer ends the run."""
        self._note_reused()
        if self.search.names_best and (best := self.search.best_committed):
            self.record.best(self.search.step, best.id, best.fitness)
        if reason := self._stops.after_answer():
            self.stop(reason)

    def _note_reused(self) -> None:
        """Record which scores the flows reused, each under its candidate's id."""
        for reused in self.search.reused[self.usage.memo :]:
            self.record.reused(self.usage.memo, *reused)
            self.usage.memo += 1

    def _check(self) -> None:
        """Check whether the evaluations, the time or the flow have ended."""
        if reason := self._stops.at_any_time():
            self.stop(reason)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self.stop(f"failed: {error}")

    def close(self, wait: bool = True) -> None:
        """Release the workers, and raise the error that made the run fail, if there is one."""
        self._committer.close()
        self._callers.close(wait)
        self.executor.close(wait)
        self.record.put("seconds", self.usage.seconds)
        self.record.event("stop", self.stopped or "left before its end")
        if self._failure is None:
            self._yields.close()
        self.check()

    def check(self) -> None:
        """Raise the error that made the run fail, if there is one."""
        if self._failure:
            raise self._failure
