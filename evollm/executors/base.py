"""Executors: the interface, and those that evaluate in this process."""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from evollm.errors import EvollmError, Interrupt, described
from evollm.executors.anew import Anew
from evollm.executors.scoring import Chunk, Halted, Scores, parts
from evollm.types import Problem

Done: TypeAlias = Callable[[Chunk, Scores | EvollmError], None]
_Chunks: TypeAlias = "queue.SimpleQueue[tuple[Chunk, Done] | None]"


@runtime_checkable
class Executor(Protocol):
    """Evaluates chunks, and reports their outcomes in any order and from any thread.

    Attributes:
        workers: How many chunks run at once.
        chunk: The largest chunk that it accepts; None for any size.
    """

    workers: int
    chunk: int | None

    def start(self, problem: Problem[Any]) -> None:
        """Prepare to evaluate one problem; return when the workers are ready."""
        ...

    def submit(self, chunk: Chunk, done: Done) -> None:
        """Evaluate a chunk.

        ``done`` is called with the outcomes as they arrive, in one or several ``Scores`` of which
        one is marked as the last, or with an ``EvollmError`` if the run can't continue.
        """
        ...

    def step(self) -> bool:
        """Evaluate the next genome, if this executor evaluates in the calling thread.

        Returns:
            Whether a genome was evaluated; always False for executors with workers.
        """
        ...

    def halt(self) -> None:
        """End each chunk after its current genome, until the next ``start``."""
        ...

    def close(self, wait: bool = True) -> None:
        """Stop the workers, if any; without ``wait`` even during an evaluation, if possible."""
        ...


def _guarded(coming: Iterator[Scores]) -> Iterator[Scores | EvollmError]:
    """Yield an error that ends the run instead of raising it in the worker's thread."""
    try:
        yield from coming
    except EvollmError as error:
        yield error
    except (GeneratorExit, Interrupt):
        raise
    except BaseException as error:
        yield EvollmError(f"the executor failed: {described(error)}")


class Serial(Anew):
    """Evaluates in the calling thread; cannot enforce a time limit."""

    workers = 1
    chunk: int | None = None

    def __init__(self) -> None:
        self._under_way: tuple[Chunk, Done, Iterator[Scores | EvollmError]] | None = None
        self._halted = False

    def start(self, problem: Problem[Any]) -> None:
        """Keep the problem."""
        self._problem = problem
        self._under_way, self._halted = None, False

    def submit(self, chunk: Chunk, done: Done) -> None:
        """Keep a chunk for ``step``."""
        coming = parts(self._problem, chunk, lambda: self._halted)
        self._under_way = chunk, done, _guarded(coming)

    def step(self) -> bool:
        """Evaluate the next genome, or all of a chunk whose problem returns a list."""
        if self._under_way is None:
            return False
        chunk, done, coming = self._under_way
        found = next(coming)
        if isinstance(found, EvollmError) or found.last:
            self._under_way = None
        done(chunk, found)
        return True

    def halt(self) -> None:
        """End the chunk after its current genome."""
        self._halted = True

    def close(self, wait: bool = True) -> None:
        """Drop the chunks that have not been evaluated; there are no workers."""
        self._under_way = None


class Worker(Protocol):
    """One place where chunks are evaluated, driven by one thread of a ``Pool``."""

    def score(self, chunk: Chunk, halted: Halted) -> Iterator[Scores]:
        """Yield the outcomes of a chunk, even if the process that evaluates it dies."""
        ...

    def close(self) -> None:
        """End the worker immediately."""
        ...


class Pool(Anew):
    """Workers that evaluate one chunk at a time: the base of threads, processes and Ray.

    Attributes:
        workers: Number of workers.
        chunk: The largest chunk that a worker accepts.
    """

    def __init__(self, workers: int, chunk: int | None = None) -> None:
        if workers < 1:
            raise EvollmError(f"an executor needs at least one worker, not {workers}")
        self.workers = workers
        self.chunk = chunk
        self._chunks: _Chunks = queue.SimpleQueue()
        self._halted = threading.Event()
        self._threads: list[threading.Thread] = []
        self._crew: list[Any] = []

    def hire(self, problem: Problem[Any]) -> Worker:
        """Create one worker for the problem."""
        raise NotImplementedError

    def ready(self) -> None:
        """Return when the workers are ready."""

    def each(self, work: Callable[[Any], object]) -> None:
        """Call a function with each worker, all at the same time; return when all are done."""
        with ThreadPoolExecutor(len(self._crew)) as pool:
            list(pool.map(work, self._crew))

    def start(self, problem: Problem[Any]) -> None:
        """Create the workers and the threads that drive them."""
        self._chunks, self._halted = queue.SimpleQueue(), threading.Event()
        for _ in range(self.workers):
            self._crew.append(self.hire(problem))
        self.ready()
        self._threads = [
            threading.Thread(target=_drive, args=(worker, self._chunks, self._halted), daemon=True)
            for worker in self._crew
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, chunk: Chunk, done: Done) -> None:
        """Queue a chunk for the next free worker."""
        self._chunks.put((chunk, done))

    def step(self) -> bool:
        """Do nothing, as the workers evaluate in threads of their own."""
        return False

    def halt(self) -> None:
        """End each worker's chunk after its current genome."""
        self._halted.set()

    def close(self, wait: bool = True) -> None:
        """Let the workers finish their chunks, or end them immediately."""
        if not wait:
            self.halt()
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


def processors() -> int:
    """Return how many processors this machine has."""
    return os.cpu_count() or 1


def _drive(worker: Worker, chunks: _Chunks, halted: threading.Event) -> None:
    """Feed one worker from the queue of its start, so that it never takes chunks of a later one."""
    while item := chunks.get():
        chunk, done = item
        for found in _guarded(worker.score(chunk, halted.is_set)):
            done(chunk, found)


class Threads(Pool):
    """Evaluates in threads: for problems that wait for I/O or release the interpreter lock.

    A thread can't be killed, so there is no time limit; use ``Processes`` or Ray for one.

    Args:
        workers: How many threads; None for one per processor.
    """

    def __init__(self, workers: int | None = None) -> None:
        super().__init__(processors() if workers is None else workers)

    def hire(self, problem: Problem[Any]) -> Worker:
        """Create one worker that evaluates in its thread."""
        return _Here(problem)


@dataclass(frozen=True, slots=True)
class _Here:
    problem: Problem[Any]

    def score(self, chunk: Chunk, halted: Halted) -> Iterator[Scores]:
        return parts(self.problem, chunk, halted)

    def close(self) -> None:
        pass
