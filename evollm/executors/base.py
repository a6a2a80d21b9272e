"""Executors: where evaluations run, from the same thread to child processes with time limits."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias, runtime_checkable

from evollm.errors import EvollmError, described
from evollm.executors.anew import Anew
from evollm.types import Outcome, Problem


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some places of an ``Evaluate`` job that travel together.

    Attributes:
        job: The job's id.
        places: Which of its candidates these are.
        genomes: One a place.
        fidelity: The job's fidelity.
        seed: The job's seed.
    """

    job: int
    places: tuple[int, ...]
    genomes: Sequence[Any]
    fidelity: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class Scores:
    """What came of a chunk.

    Attributes:
        outcomes: One a place; empty if the whole chunk failed.
        error: Why the whole chunk failed: an exception, a worker that died, a time limit.
        seconds: The problem's working time.
        died: Whether the worker went down with it, perhaps through no fault of the genomes.
    """

    outcomes: Sequence[Outcome]
    error: str | None = None
    seconds: float = 0.0
    died: bool = False


Done: TypeAlias = Callable[[Chunk, Scores | EvollmError], None]
_Chunks: TypeAlias = "queue.SimpleQueue[tuple[Chunk, Done] | None]"


@runtime_checkable
class Executor(Protocol):
    """Evaluates chunks, and says when each is done, in any order and from any thread.

    Attributes:
        workers: How many chunks run at once.
        chunk: The largest chunk that it takes; None for any size.
    """

    workers: int
    chunk: int | None

    def start(self, problem: Problem[Any]) -> None:
        """Get ready to evaluate one problem."""
        ...

    def submit(self, chunk: Chunk, done: Done) -> None:
        """Evaluate a chunk; ``done`` gets an ``EvollmError`` if the run can't go on."""
        ...

    def close(self, wait: bool = True) -> None:
        """Stop the workers, if any; without ``wait`` even amid their work, where they can be."""
        ...


def score(problem: Problem[Any], chunk: Chunk) -> Scores:
    """Evaluate a chunk here and now, turning what the problem raises into an error.

    Raises:
        EvollmError: If the problem breaks its contract, or raises one itself.
    """
    began = time.perf_counter()
    try:
        found = problem.evaluate(chunk.genomes, chunk.fidelity, chunk.seed)
        outcomes = [it if isinstance(it, Outcome) else Outcome(float(it)) for it in found]
    except EvollmError:
        raise
    except (Exception, SystemExit) as error:
        return Scores((), described(error), time.perf_counter() - began)
    if len(outcomes) != len(chunk.genomes):
        raise EvollmError(
            f"{type(problem).__name__}.evaluate returned {len(outcomes)} outcomes for "
            f"{len(chunk.genomes)} genomes; it must return one each, in order"
        )
    return Scores(outcomes, None, time.perf_counter() - began)


class Serial(Anew):
    """Evaluates in the calling thread; cannot enforce a time limit."""

    workers = 1
    chunk: int | None = None

    def start(self, problem: Problem[Any]) -> None:
        """Keep the problem."""
        self._problem = problem

    def submit(self, chunk: Chunk, done: Done) -> None:
        """Evaluate the chunk before returning."""
        done(chunk, _guarded(partial(score, self._problem, chunk)))

    def close(self, wait: bool = True) -> None:
        """Do nothing: there are no workers."""


class Worker(Protocol):
    """One place where chunks are evaluated, driven by one thread of a ``Pool``."""

    def score(self, chunk: Chunk) -> Scores:
        """Evaluate a chunk, whatever happens to the process that does it."""
        ...

    def close(self) -> None:
        """End it at once."""
        ...


class Pool(Anew):
    """Workers that take one chunk at a time: the common part of threads, processes and Ray.

    Attributes:
        workers: How many there are.
        chunk: The largest chunk taken.
    """

    def __init__(self, workers: int, chunk: int | None = None) -> None:
        if workers < 1:
            raise EvollmError(f"an executor needs at least one worker, not {workers}")
        self.workers = workers
        self.chunk = chunk
        self._chunks: _Chunks = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._crew: list[Worker] = []

    def hire(self, problem: Problem[Any]) -> Worker:
        """Make one worker for the problem."""
        raise NotImplementedError

    def start(self, problem: Problem[Any]) -> None:
        """Make the workers and the threads that drive them."""
        self._chunks = queue.SimpleQueue()
        for _ in range(self.workers):
            self._crew.append(self.hire(problem))
        self._threads = [
            threading.Thread(target=_drive, args=(worker, self._chunks), daemon=True)
            for worker in self._crew
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, chunk: Chunk, done: Done) -> None:
        """Queue a chunk for the next free worker."""
        self._chunks.put((chunk, done))

    def close(self, wait: bool = True) -> None:
        """Let the workers finish what they have begun, or end them at once."""
        if not wait:
            with contextlib.suppress(queue.Empty):
                while True:
                    self._chunks.get_nowait()
        for _ in self._threads:
            self._chunks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()
        for worker in self._crew:
            worker.close()
        self._threads, self._crew = [], []


def _drive(worker: Worker, chunks: _Chunks) -> None:
    """Feed one worker; the queue is its own start's, so that a straggler takes no later work."""
    while item := chunks.get():
        chunk, done = item
        done(chunk, _guarded(partial(worker.score, chunk)))


class Threads(Pool):
    """Evaluates in threads: for problems that wait, or that release the interpreter's lock.

    A thread can't be killed, so there is no time limit; use ``Processes`` or Ray for one.

    Args:
        workers: How many threads.
    """

    def hire(self, problem: Problem[Any]) -> Worker:
        """Make one worker that evaluates in its thread."""
        return _Here(problem)


@dataclass(frozen=True, slots=True)
class _Here:
    problem: Problem[Any]

    def score(self, chunk: Chunk) -> Scores:
        return score(self.problem, chunk)

    def close(self) -> None:
        pass


def _guarded(work: Callable[[], Scores]) -> Scores | EvollmError:
    """Do the work; hand an error that ends the run to whoever waits for it."""
    try:
        return work()
    except EvollmError as error:
        return error
    except (Exception, SystemExit) as error:
        return EvollmError(f"the executor failed: {described(error)}")
