"""Batches: evaluations on their way to the workers, cut into chunks and tried again."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any

from evollm.errors import EvollmError
from evollm.executors.base import Chunk, Executor, Scores
from evollm.search.flow import Evaluate
from evollm.search.search import Ticket
from evollm.types import Candidate, Individual, Outcome, Problem

_PACE = 0.2  # seconds of work in one chunk, where a batch may be cut anywhere


@dataclass(slots=True)
class _Batch:
    """An ``Evaluate`` job: which places have still to be sent, and which one by one."""

    ticket: Ticket
    waiting: deque[int]
    left: int
    alone: deque[int] = field(default_factory=deque)
    deaths: set[int] = field(default_factory=set)


class EvaluationQueue:
    """Cuts ``Evaluate`` jobs into chunks for an executor.

    Attributes:
        in_flight: Chunks under way.
        genomes: Genomes under way.
    """

    def __init__(
        self,
        problem: Problem[Any],
        executor: Executor,
        done: Callable[[Chunk, Scores | EvollmError], None],
    ) -> None:
        self.in_flight = self.genomes = 0
        self._executor = executor
        self._divisible = getattr(problem, "elementwise", False)
        self._done = done
        self._batches: dict[int, _Batch] = {}
        self._pace = 1

    def add(self, ticket: Ticket, known: Collection[int]) -> None:
        """Take on a job but for the places known, of which at least one is missing."""
        waiting = deque(place for place in range(len(ticket.answers)) if place not in known)
        self._batches[ticket.id] = _Batch(ticket, waiting, len(waiting))

    def send(self, room: float) -> None:
        """Submit chunks while workers are free, at most ``room`` genomes in all."""
        for batch in self._batches.values():
            while (
                (batch.waiting or batch.alone)
                and self.in_flight < self._executor.workers
                and room >= 1
            ):
                places = self._cut(batch, room)
                room -= len(places)
                self._submit(batch.ticket, places)

    def _cut(self, batch: _Batch, room: float) -> tuple[int, ...]:
        """Take the next places that travel together."""
        if batch.alone:
            return (batch.alone.popleft(),)
        size = ceil(len(batch.ticket.answers) / self._executor.workers)
        if self._divisible:
            size = min(size, self._pace)
        size = int(min(size, room, len(batch.waiting), self._executor.chunk or size))
        return tuple(batch.waiting.popleft() for _ in range(size))

    def _submit(self, ticket: Ticket, places: tuple[int, ...]) -> None:
        job = ticket.job
        assert isinstance(job, Evaluate)
        genomes = [job.candidates[place].genome for place in places]
        self.in_flight += 1
        self.genomes += len(places)
        self._executor.submit(Chunk(ticket.id, places, genomes, job.fidelity, job.seed), self._done)

    def candidates(self, chunk: Chunk) -> list[Candidate[Any]]:
        """Return the candidates of a chunk that is under way."""
        job = self._batches[chunk.job].ticket.job
        assert isinstance(job, Evaluate)
        asked = [job.candidates[place] for place in chunk.places]
        return [one.candidate if isinstance(one, Individual) else one for one in asked]

    def complete(self, chunk: Chunk) -> Ticket:
        """Count a chunk as back, whatever came of it; return its job's ticket."""
        self.in_flight -= 1
        self.genomes -= len(chunk.places)
        return self._batches[chunk.job].ticket

    def take(self, chunk: Chunk, scores: Scores) -> tuple[list[tuple[int, Outcome]], bool]:
        """Return the outcomes of a chunk by place, and whether its job is now complete.

        A chunk that failed as a whole is tried again one by one, and a genome whose worker died
        once more.
        """
        batch = self._batches[chunk.job]
        outcomes = list(scores.outcomes)
        if not outcomes:
            outcomes = self._retry(batch, chunk, scores)
        else:
            pace = int(_PACE * len(outcomes) / max(scores.seconds, 1e-9))
            self._pace = max(1, min(10 * self._pace, pace))
        batch.left -= len(outcomes)
        if not batch.left:
            del self._batches[chunk.job]
        return list(zip(chunk.places, outcomes, strict=False)), not batch.left

    def _retry(self, batch: _Batch, chunk: Chunk, scores: Scores) -> list[Outcome]:
        """Line up what is worth another try; otherwise the failure is the outcome."""
        place = chunk.places[0]
        if len(chunk.places) > 1:
            batch.alone.extend(chunk.places)
        elif scores.died and place not in batch.deaths:
            batch.deaths.add(place)
            batch.alone.append(place)
        else:
            return [Outcome(-inf, error=scores.error)]
        return []
