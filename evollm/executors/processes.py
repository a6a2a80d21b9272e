"""Processes: evaluations in child processes that can be killed, without the parent's secrets."""

import contextlib
import os
import pickle
import queue
import re
import selectors
import signal
import struct
import subprocess
import sys
import threading
from dataclasses import replace
from types import ModuleType
from typing import IO, Any

from evollm.errors import EvollmError
from evollm.executors.base import Chunk, Pool, Scores, Worker, score
from evollm.runtime.intake import portable
from evollm.types import Problem

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)


class Processes(Pool):
    """Evaluates in child processes, each the leader of a group of its own.

    A child that dies or passes the time limit is replaced, and only what it worked on fails.

    Args:
        workers: How many processes.
        seconds: Time limit of one evaluation; then its process group is killed. None is no limit.
    """

    def __init__(self, workers: int, seconds: float | None = None) -> None:
        if seconds is not None and not seconds > 0:
            raise EvollmError(f"a time limit must be positive, not {seconds}")
        super().__init__(workers, None if seconds is None else 1)
        self.seconds = seconds

    def hire(self, problem: Problem[Any]) -> Worker:
        """Make one child process's driver; the process starts with its first chunk."""
        return _Child(pickled(problem, type(problem).__name__), self.seconds)


def by_value(module: ModuleType) -> None:
    """Let a module's objects travel whole: for modules that a worker can't import."""
    _cloudpickle().register_pickle_by_value(module)


def _cloudpickle() -> Any:
    try:
        import cloudpickle
    except ImportError:  # older releases of joblib carry it inside
        from joblib.externals import cloudpickle
    return cloudpickle


def pickled(thing: object, what: str) -> bytes:
    """Pickle by value, so that functions and classes of a script or a notebook travel too."""
    try:
        return bytes(_cloudpickle().dumps(thing))
    except Exception as error:
        raise EvollmError(
            f"{what} can't be sent to a worker process ({error}): "
            "keep open files, locks and connections out of it"
        ) from None


class _Child:
    """Drives one child process over two pipes."""

    def __init__(self, problem: bytes, seconds: float | None) -> None:
        self._problem = problem
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def score(self, chunk: Chunk) -> Scores:
        parcel = pickled(chunk, "a genome")
        process = self._process or self._spawn()
        assert process.stdin
        assert process.stdout
        try:
            _send(process.stdin, parcel)
            answer = _receive(process.stdout, self._seconds)
        except TimeoutError:
            self.close()
            return Scores((), f"time limit of {self._seconds} s passed")
        except (OSError, EOFError):
            return Scores((), f"the worker process died ({self._ending(process)})", died=True)
        found = pickle.loads(answer)
        if isinstance(found, EvollmError):
            raise found
        assert isinstance(found, Scores)
        return found

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start the child and wait till it holds the problem, outside any time limit."""
        clean = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
        clean |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        clean["PYTHONPATH"] = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        process = subprocess.Popen(
            [sys.executable, "-c", "from evollm.executors.processes import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean,
            start_new_session=True,
        )
        self._process = process
        assert process.stdin
        assert process.stdout
        try:
            _send(process.stdin, self._problem)
            ready = pickle.loads(_receive(process.stdout, None))
        except (OSError, EOFError):
            ready = f"it died ({self._ending(process)})"
        if ready is not None:
            self.close()
            raise EvollmError(f"a worker process can't load the problem: {ready}")
        return process

    def _ending(self, process: subprocess.Popen[bytes]) -> str:
        """Reap a dead child and say how it died."""
        code = process.wait()
        self.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                assert pipe
                pipe.close()


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(struct.pack("<Q", len(message)) + message)
    pipe.flush()


def _receive(pipe: IO[bytes], seconds: float | None) -> bytes:
    """Read one message; ``seconds`` is how long it may take to begin."""
    if seconds is not None:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            if not selector.select(seconds):
                raise TimeoutError
    size = struct.unpack("<Q", _exactly(pipe, 8))[0]
    return _exactly(pipe, size)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data


def main() -> None:
    """Serve as a child: a problem, then chunks, come in; scores go out where output went."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the problem must not read the questions
    os.dup2(2, 1)  # nor may what it prints mix with the answers
    questions: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(inbox, questions), daemon=True).start()
    try:
        problem = pickle.loads(questions.get())
    except Exception as error:
        _send(outbox, pickle.dumps(f"{type(error).__name__}: {error}"))
        return
    _send(outbox, pickle.dumps(None))
    while True:
        answer = _work(problem, questions.get())
        with contextlib.suppress(BrokenPipeError):  # then the listener ends the process
            _send(outbox, answer)


def _listen(inbox: IO[bytes], questions: "queue.SimpleQueue[bytes]") -> None:
    """Pass questions on; where none can come any more, end, even amid an evaluation."""
    try:
        while True:
            questions.put(_receive(inbox, None))
    except EOFError:
        os.killpg(0, signal.SIGKILL)


def _work(problem: Problem[Any], question: bytes) -> bytes:
    """Answer one question, whatever is wrong with it or with what came of it."""
    try:
        chunk = pickle.loads(question)
    except Exception as error:
        return pickle.dumps(Scores((), f"the genome can't be loaded: {error}"))
    try:
        return _parcel(score(problem, chunk))
    except EvollmError as error:
        return pickle.dumps(error)
    except Exception as error:
        return pickle.dumps(Scores((), f"the outcome can't be sent back: {error}"))


def _parcel(scores: Scores) -> bytes:
    """Pickle scores, if need be by value, and in the end without the info that can't travel."""
    try:
        return pickle.dumps(scores)
    except Exception:
        pass
    try:
        return pickled(sendable(scores), "an outcome")
    except EvollmError as error:
        return pickle.dumps(Scores((), f"the outcome can't be sent back: {error}"))


def sendable(scores: Scores) -> Scores:
    """Return scores as they are, or without the info if it can't be pickled by value."""
    try:
        pickled(scores, "an outcome")
    except EvollmError:
        cut = [portable(one, _unsendable) for one in scores.outcomes]
        return replace(scores, outcomes=cut)
    return scores


def _unsendable(value: Any) -> str | None:
    try:
        pickled(value, "info")
    except EvollmError:
        return type(value).__name__
    return None
