"""The driver: sends jobs to an executor and answers to the search, within a budget."""

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
from evollm.runtime.journal import Journal
from evollm.runtime.result import dataframe
from evollm.runtime.stops import Stops
from evollm.runtime.variation import VariationPool
from evollm.search.flow import Vary
from evollm.search.search import Search, Ticket
from evollm.store import queries
from evollm.store.committer import Committer
from evollm.store.record import Record
from evollm.types import Candidate, Individual, Offspring, Outcome, Problem

if TYPE_CHECKING:
    import pandas

Callback: TypeAlias = Callable[["Run", Individual[Any]], object]
"""Called as ``f(run, individual)`` after each evaluation, failed or not; may call ``run.stop()``.

If it has a method ``tick(run)``, that is called several times per second during the run, and the
last time when ``run.finished`` is true.
"""
OnError: TypeAlias = Literal["record", "raise"]

_HOPELESS = 10  # number of first evaluations that end the run if all of them fail
_TURN = 0.002  # seconds of answers that are committed and told to the search together


class Run:
    """A search in progress.

    Attributes:
        search: The search, with its population and its best.
        problem: What scores genomes.
        record: Where jobs and answers are recorded.
        budget: What ends the run.
        usage: What has been spent, over all resumes.
        executor: Where evaluations run.
        stopped: Why the run has ended or is about to; empty while it continues.
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
        self._meter = Meter(budget, self.usage)
        self._stops = Stops(self._meter, search, record.get("cost_unit", ""))
        self._journal = Journal(record, problem, write)
        self._finished: queue.SimpleQueue[tuple[Ticket | Chunk, Any]] = queue.SimpleQueue()
        self._queue = EvaluationQueue(
            problem, executor, lambda *done: self._finished.put(done), self._account
        )
        self._pool = VariationPool(lambda *done: self._finished.put(done), len(search.flows))
        self._committer = Committer(record)
        self._varying: deque[Ticket] = deque()
        self._tellings: list[Callable[[], object]] = []
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
        """Whether the run is to stop and nothing is in progress any more."""
        return bool(self.stopped) and not self._pool.active and not self._queue.in_flight

    @property
    def active(self) -> bool:
        """Whether an operator is running."""
        return self._pool.active > 0

    def reasons(self) -> dict[str, float]:
        """Return the limits that are reached, by name; empty if the run may continue."""
        return self._stops.reasons()

    def _account(self, job: int) -> JobLedger:
        return JobLedger(job, self._meter, self.record)

    def candidates(self, chunk: Chunk) -> list[Candidate[Any]]:
        """Return the candidates of a chunk in progress."""
        return self._queue.candidates(chunk)

    def dataframe(self) -> "pandas.DataFrame":
        """Return one row per evaluation so far; see ``evollm.Result.dataframe``."""
        return dataframe(self.record)

    def individuals(self) -> Iterator[Individual[Any]]:
        """Yield the individuals evaluated so far, in the order of the jobs."""
        return queries.individuals(self.record)

    def stop(self, reason: str = "a callback stopped the run") -> None:
        """End the run once the evaluations and calls in progress are done."""
        self.stopped = self.stopped or reason
        self.executor.halt()

    def replay(self) -> int:
        """Feed the recorded answers to the search, in their order.

        Returns:
            Number of jobs that were answered from the record.

        Raises:
            EvollmError: If the search asks for a job other than the recorded one.
        """
        for ticket, known in self._journal.replay(self.search, self._check_limits):
            self._admit(ticket, known)
            for place, outcome in known.items():
                self.search.score(ticket, place, outcome)
        self._check()
        return self._journal.answers

    def advance(self, seconds: float | None = 0.1) -> None:
        """Send out the jobs that are ready, then process the answers that have arrived.

        Args:
            seconds: How long to wait for an answer; None to not wait.
        """
        if self._began == -inf:  # working time begins here, after the start-up
            self._began = time.monotonic()
        for ticket in self.search.ask():
            self._admit(ticket, ())
        while self._varying and not self.stopped and self._pool.free(self._varying[0]):
            ticket = self._varying.popleft()
            self._pool.call(ticket, self._account(ticket.id))
        if not self.stopped:
            self._queue.send(self._room() - self._queue.genomes)
        self._collect(seconds)
        self._check()
        self.tick()

    def tick(self) -> None:
        """Call the callbacks that have a method ``tick``."""
        for callback in self._callbacks:
            if tick := getattr(callback, "tick", None):
                tick(self)

    def _room(self) -> float:
        """Return how many genomes may be in progress if each has the highest cost so far."""
        budget, usage = self.budget, self.usage
        room = inf if budget.evaluations is None else budget.evaluations - usage.evaluations
        dearest = 1.0 if self._dearest is None else self._dearest  # 1 is the default cost
        if budget.cost is not None and dearest:
            room = min(room, max(1, ceil((budget.cost - usage.cost) / dearest - 1e-9)))
        return room

    def _admit(self, ticket: Ticket, known: Collection[int]) -> None:
        """Queue a job, except for the places that are already on record."""
        self._journal.ask(ticket)
        if isinstance(ticket.job, Vary):
            self._varying.append(ticket)
            return
        self._queue.add(ticket, known)

    def _collect(self, seconds: float | None) -> None:
        """Process the answers that have arrived: first record them, then tell the search."""
        self._work()
        self._gather(seconds)
        self.usage.seconds = self._base + time.monotonic() - self._began
        if self._tellings:
            self._settle()

    def _work(self) -> None:
        """Evaluate for a moment if evaluations run in this thread."""
        end = time.monotonic() + _TURN
        while self.executor.step():
            self._committer.start()
            self._note(*self._finished.get())
            if time.monotonic() > end:
                return

    def _gather(self, seconds: float | None) -> None:
        """Record answers: wait for the first, and for more while all workers are busy."""
        busy = self._pool.active + self._queue.in_flight
        pause = 0.0 if self._tellings or not busy else seconds or 0.0
        try:
            while True:
                self._note(*self._finished.get(timeout=pause))
                idle = self._pool.active + self._queue.in_flight < busy
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
        """Record one answer; return the calls that tell it to the search."""
        if isinstance(who, Chunk) and isinstance(what, Scores):
            return self._write_scores(who, what)
        if isinstance(who, Chunk):
            self._queue.drop(who)
        else:
            self._pool.active -= 1
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
        offspring = self._journal.children(ticket, offspring)
        return [partial(self.search.tell, ticket, offspring), self._check_limits]

    def _write_scores(self, chunk: Chunk, scores: Scores) -> list[Callable[[], object]]:
        ticket = self._queue.ticket(chunk)
        taken, complete = self._queue.take(chunk, scores)
        found = self._journal.outcomes(ticket, taken)
        for _, outcome in found:
            self.usage.evaluations += 1
            self.usage.bounds += outcome.bound
            self.usage.cost += outcome.cost
            self._dearest = max(self._dearest or 0.0, outcome.cost)
            if outcome.error is not None:
                self._note_failure(outcome.error)
        if self.budget.cost is not None:
            self._check()  # now, so that no worker begins another evaluation
        if complete:
            self._journal.complete(ticket)
        return [partial(self._score, ticket, place, outcome) for place, outcome in found]

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

    def _score(self, ticket: Ticket, place: int, outcome: Outcome) -> None:
        individual = self.search.score(ticket, place, outcome)
        if not ticket.missing:
            self._check_limits()
        for callback in self._callbacks:
            callback(self, individual)

    def _check_limits(self) -> None:
        """Check whether a complete answer ends the run, and record reused scores and the best."""
        self._note_reused()
        if self.search.names_best and (best := self.search.best_committed):
            self.record.best(self.search.step, best.id, best.fitness)
        if reason := self._stops.after_answer():
            self.stop(reason)

    def _note_reused(self) -> None:
        """Record which scores the flows have reused."""
        for reused in self.search.reused[self.usage.memo :]:
            self.record.reused(self.usage.memo, *reused)
            self.usage.memo += 1

    def _check(self) -> None:
        """Check whether the budget or the flow has ended."""
        if reason := self._stops.at_any_time():
            self.stop(reason)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self.stop(f"failed: {error}")

    def close(self, wait: bool = True) -> None:
        """Release the workers, and raise the error that made the run fail, if there is one."""
        self._committer.close()
        self._pool.close(wait)
        self.executor.close(wait)
        self.record.put("seconds", self.usage.seconds)
        self.record.event("stop", self.stopped or "abandoned before its end")
        if self._failure is None:
            self._journal.close()
        self.check()

    def check(self) -> None:
        """Raise the error that made the run fail, if there is one."""
        if self._failure:
            raise self._failure
