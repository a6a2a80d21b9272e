"""Evaluations that are sent to workers in chunks and retried after a failure."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any

from evollm.errors import EvollmError
from evollm.executors.base import Executor
from evollm.executors.scoring import Chunk, Scores
from evollm.ledger import Ledger
from evollm.search.flow import Evaluate
from evollm.search.search import Ticket
from evollm.types import Candidate, Individual, Outcome, Problem

_PACE = 1.0  # target seconds of work per chunk, if a batch may be cut anywhere
_RECENT = 50  # number of recent answers whose slowest estimates the time of an evaluation
_SHARES = 2  # minimum number of chunks per worker, so that all workers end at about the same time


@dataclass(slots=True)
class _Batch:
    """An ``Evaluate`` job: which places are still to be sent, and which of them one by one."""

    ticket: Ticket
    waiting: deque[int]
    left: int
    in_flight: int = 0
    alone: deque[int] = field(default_factory=deque)
    deaths: set[int] = field(default_factory=set)


class EvaluationQueue:
    """Cuts ``Evaluate`` jobs into chunks for an executor.

    Args:
        problem: What scores the genomes.
        executor: Where they run.
        done: Called with a chunk and its outcomes or error, from any thread.
        account: Returns the ledger of a job by its id; None if its model calls are not counted.

    Attributes:
        genomes: Number of genomes in progress.
    """

    def __init__(
        self,
        problem: Problem[Any],
        executor: Executor,
        done: Callable[[Chunk, Scores | EvollmError], None],
        account: Callable[[int], Ledger] | None = None,
    ) -> None:
        self._account = account
        self.genomes = 0
        self._executor = executor
        self._divisible = getattr(problem, "elementwise", False)
        self._done = done
        self._batches: dict[int, _Batch] = {}
        self._flying: dict[tuple[int, int], int] = {}  # number of answered places per chunk
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._size = 0

    @property
    def in_flight(self) -> int:
        """Number of chunks in progress."""
        return len(self._flying)

    def add(self, ticket: Ticket, known: Collection[int]) -> None:
        """Add a job except for the places already known; at least one must be missing."""
        waiting = deque(place for place in range(len(ticket.answers)) if place not in known)
        self._batches[ticket.id] = _Batch(ticket, waiting, len(waiting))

    def send(self, room: float) -> None:
        """Submit chunks while workers are free, with at most ``room`` genomes in total."""
        for batch in self._batches.values():
            while (
                (batch.waiting or batch.alone)
                and self.in_flight < self._executor.workers
                and room >= 1
            ):
                places = self._cut(batch, room)
                room -= len(places)
                self._submit(batch, places)

    def _cut(self, batch: _Batch, room: float) -> tuple[int, ...]:
        """Take the next places that are sent together."""
        if batch.alone:
            return (batch.alone.popleft(),)
        workers = self._executor.workers
        size = ceil(len(batch.ticket.answers) / workers)
        if self._divisible:
            fair = size if workers == 1 else ceil(len(batch.waiting) / (_SHARES * workers))
            size = self._size = min(fair, self._paced())
        size = int(min(size, room, len(batch.waiting), self._executor.chunk or size))
        return tuple(batch.waiting.popleft() for _ in range(size))

    def _paced(self) -> int:
        """Return the number of evaluations per chunk, estimated by the slowest recent one."""
        if not self._recent:
            return 1
        pace = int(_PACE / max(*self._recent, 1e-9))
        return max(1, min(10 * self._size, pace))

    def _submit(self, batch: _Batch, places: tuple[int, ...]) -> None:
        ticket, job = batch.ticket, batch.ticket.job
        assert isinstance(job, Evaluate)
        genomes = [job.candidates[place].genome for place in places]
        batch.in_flight += 1
        self._flying[ticket.id, places[0]] = 0
        self.genomes += len(places)
        context = None
        if job.context is not None:
            context = {**job.context, "ids": [job.candidates[place].id for place in places]}
        account = self._account(ticket.id) if self._account else None
        chunk = Chunk(ticket.id, places, genomes, job.fidelity, job.seed, context, account)
        self._executor.submit(chunk, self._done)

    def candidates(self, chunk: Chunk) -> list[Candidate[Any]]:
        """Return the candidates of a chunk in progress."""
        job = self._batches[chunk.job].ticket.job
        assert isinstance(job, Evaluate)
        asked = [job.candidates[place] for place in chunk.places]
        return [one.candidate if isinstance(one, Individual) else one for one in asked]

    def ticket(self, chunk: Chunk) -> Ticket:
        """Return the ticket of the job that a chunk belongs to."""
        return self._batches[chunk.job].ticket

    def drop(self, chunk: Chunk) -> None:
        """Count a chunk as finished."""
        answered = self._flying.pop((chunk.job, chunk.places[0]))
        self.genomes -= len(chunk.places) - answered
        batch = self._batches[chunk.job]
        batch.in_flight -= 1
        if not (batch.left or batch.in_flight):
            del self._batches[chunk.job]

    def take(self, chunk: Chunk, scores: Scores) -> tuple[list[tuple[int, Outcome]], bool]:
        """Return the outcomes of a chunk by place, and whether they complete its job.

        Genomes without an outcome after a failure are retried: those that may have caused it one by
        one, and a genome whose worker died once more.
        """
        batch, key = self._batches[chunk.job], (chunk.job, chunk.places[0])
        outcomes = list(scores.outcomes)
        rest = chunk.places[self._flying[key] :]
        if outcomes:
            self._recent.append(scores.seconds / len(outcomes))
            self._flying[key] += len(outcomes)
            self.genomes -= len(outcomes)
        elif scores.last and rest:
            outcomes = self._retry(batch, rest, scores)
        batch.left -= len(outcomes)
        if scores.last:
            self.drop(chunk)
        return list(zip(rest, outcomes, strict=False)), bool(outcomes) and not batch.left

    def _retry(self, batch: _Batch, rest: tuple[int, ...], scores: Scores) -> list[Outcome]:
        """Queue the genomes that get another attempt; for the others the failure is the outcome."""
        place = rest[0]
        whole = (batch.ticket.id, place) in self._flying  # this is the chunk's first place
        if scores.error is None:  # their evaluation had not begun
            batch.waiting.extendleft(reversed(rest))
        elif len(rest) > 1 and whole:
            batch.alone.extend(rest)
        elif len(rest) > 1:  # outcomes came one by one, so the next genome caused the failure
            batch.alone.append(place)
            batch.waiting.extendleft(reversed(rest[1:]))
        elif scores.died and place not in batch.deaths:
            batch.deaths.add(place)
            batch.alone.append(place)
        else:
            return [Outcome(-inf, error=scores.error)]
        return []
