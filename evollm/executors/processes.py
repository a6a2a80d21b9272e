"""Processes: evaluations in child processes that can be killed, without the parent's secrets."""

import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from evollm.errors import EvollmError
from evollm.executors.base import Pool, Worker, processors
from evollm.executors.child import HALT, REPLY
from evollm.executors.environment import checked, inherited, keys_for
from evollm.executors.pickling import pickled
from evollm.executors.remote_ledger import Desk, Question
from evollm.executors.scoring import Chunk, Halted, Scores
from evollm.types import Problem

_POLL = 0.05  # seconds between checks whether a child must skip the rest of its chunk


class Processes(Pool):
    """Evaluates in child processes, each in its own process group.

    A child that dies or exceeds the time limit is replaced, and only the genome that it was
    evaluating fails. The children get this process's environment without its secrets;
    ``evollm.executors.environment.secret`` says which variables these are. Only a problem with the
    attribute ``asks_model`` gets the model's key. If the problem has a method ``prepare()``, each
    child calls it once, before its first evaluation and outside the time limit.

    Args:
        workers: Number of processes; None for one per processor.
        seconds: Time limit of one evaluation, after which its process group is killed; None for no
            limit.
        environment: Variables that are added to the children's environment or replace those in it.
        cpus: Processors per child; the numerical libraries use as many threads.

    Raises:
        EvollmError: If the number, the limit or the variables are invalid.
    """

    def __init__(
        self,
        workers: int | None = None,
        seconds: float | None = None,
        environment: Mapping[str, str] | None = None,
        cpus: int = 1,
    ) -> None:
        if seconds is not None and not seconds > 0:
            raise EvollmError(f"a time limit must be positive, not {seconds}")
        if cpus < 1:
            raise EvollmError(f"a worker process needs at least one processor, not {cpus}")
        super().__init__(
            processors() if workers is None else workers, None if seconds is None else 1
        )
        self.cpus = cpus
        self.seconds = seconds
        self.environment = checked(environment or {})

    def start(self, problem: Problem[Any]) -> None:
        """Start the children, and send them the problem.

        Raises:
            EvollmError: If the problem can't be pickled.
        """
        self._parcel = pickled(problem, type(problem).__name__)
        super().start(problem)

    def hire(self, problem: Problem[Any]) -> Worker:
        """Start one child process."""
        environment = {**keys_for(problem), **self.environment}
        return _Child(self._parcel, self.seconds, environment, self.cpus)

    def ready(self) -> None:
        """Return when all children hold the problem and have prepared it."""
        self.each(_Child.greet)


class _Child:
    """Drives one child process over a pipe."""

    def __init__(
        self, problem: bytes, seconds: float | None, environment: Mapping[str, str], cpus: int
    ) -> None:
        self._problem = problem
        self._seconds = seconds
        self._environment = environment
        self._cpus = cpus
        self._process: subprocess.Popen[bytes] | None = None
        self._greeted = self._halt_sent = False
        self._start()

    def _start(self) -> None:
        """Start the child, which takes a moment until it listens."""
        import multiprocessing  # imported here because it is slow and few runs need it

        self._pipe, theirs = multiprocessing.Pipe()
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from evollm.executors.child import main; main()",
                str(theirs.fileno()),
            ],
            stdin=subprocess.DEVNULL,
            env=inherited({"PYTHONPATH": path, **self._environment}, self._cpus),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        self._greeted = False

    def greet(self) -> None:
        """Wait until the child holds the problem and has prepared it, outside any time limit.

        Raises:
            EvollmError: If it can't.
        """
        try:
            self._pipe.send_bytes(self._problem)
            fault = pickle.loads(self._pipe.recv_bytes())
        except (OSError, EOFError):
            fault = f"can't load the problem: it died ({self._ending()})"
        if fault is not None:
            self.close()
            raise EvollmError(f"a worker process {fault}")
        self._greeted = True

    def score(self, chunk: Chunk, halted: Halted) -> Iterator[Scores]:
        parcel = pickled(chunk, "a genome")
        if self._process is None:
            self._start()
        if not self._greeted:
            self.greet()
        desk = Desk(chunk.ledger)
        try:
            self._halt_sent = False
            self._pipe.send_bytes(parcel)
            yield from self._answers(desk, halted)
        except TimeoutError:
            self.close()
            desk.lost()
            yield Scores((), f"time limit of {self._seconds} s passed")
        except (OSError, EOFError):
            error = f"the worker process died ({self._ending()})"
            desk.lost()
            yield Scores((), error, died=True)

    def _answers(self, desk: Desk, halted: Halted) -> Iterator[Scores]:
        """Yield the child's outcomes until its chunk is complete; answer its questions."""
        end = self._end()
        while True:
            message = io.BytesIO(self._message(halted, end))
            while message.tell() < message.getbuffer().nbytes:
                found = pickle.load(message)
                if isinstance(found, EvollmError):
                    raise found
                if isinstance(found, Question):
                    self._pipe.send_bytes(REPLY + pickle.dumps(desk.answer(found)))
                    continue
                yield found
                if found.last:
                    return
                end = self._end()

    def _end(self) -> float:
        """Return the deadline of an evaluation that begins now."""
        return inf if self._seconds is None else time.monotonic() + self._seconds

    def _message(self, halted: Halted, end: float) -> bytes:
        """Wait for the child's next message; forward a request to stop early."""
        while True:
            if not self._halt_sent and halted():
                self._halt_sent = True
                self._pipe.send_bytes(HALT)
            left = end - time.monotonic()
            if self._pipe.poll(max(0.0, min(left, _POLL))):
                return self._pipe.recv_bytes()
            if left <= 0:
                raise TimeoutError

    def _ending(self) -> str:
        """Reap a dead child and return how it died."""
        if self._process is None:
            return "it was closed"
        code = self._process.wait()
        self.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def close(self) -> None:
        """Kill the child and its group; a thread that waits for the pipe then returns."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
