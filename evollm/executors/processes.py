"""Processes: evaluations in child processes that can be killed, without the parent's secrets."""

import contextlib
import io
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from types import ModuleType
from typing import Any

from evollm.errors import EvollmError
from evollm.executors.base import Pool, Worker, processors
from evollm.executors.environment import checked, inherited, keys_for
from evollm.executors.remote_ledger import Desk, Question, RemoteLedger, Reply
from evollm.executors.scoring import Chunk, Halted, Scores, parts
from evollm.functions import prepare
from evollm.runtime.intake import portable
from evollm.types import Outcome, Problem

_HALT = b""
_REPLY = b"reply"  # begins the reply to a child's question
_POLL = 0.05  # seconds after which a child learns that the rest of its chunk is not wanted


class Processes(Pool):
    """Evaluates in child processes, each the leader of a group of its own.

    A child that dies or passes the time limit is replaced, and only what it worked on fails. The
    children get this process's environment without its secrets: see
    ``evollm.executors.environment.secret`` for which variables these are. Only a problem with the
    attribute ``asks_model`` gets the model's key. If the problem has a method ``prepare()``, each
    child calls it once, before its first evaluation and outside the time limit.

    Args:
        workers: How many processes; None for one per processor.
        seconds: Time limit of one evaluation; then its process group is killed. None is no limit.
        environment: Variables for the children beside those, or in their place.
        cpus: Processors that one child may use: the numerical libraries get as many threads.

    Raises:
        EvollmError: If the number, the limit or the variables make no sense.
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
        """Start the children, and give them their problem.

        Raises:
            EvollmError: If the problem can't travel.
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


def by_value(module: ModuleType) -> None:
    """Let a module's objects travel whole: for modules that a worker can't import."""
    _cloudpickle().register_pickle_by_value(module)


def whole() -> list[ModuleType]:
    """Return the modules whose objects travel whole."""
    listed = _cloudpickle().list_registry_pickle_by_value()
    return [sys.modules[name] for name in listed if name in sys.modules]


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
    """Drives one child process over a pipe."""

    def __init__(
        self, problem: bytes, seconds: float | None, environment: Mapping[str, str], cpus: int
    ) -> None:
        self._problem = problem
        self._seconds = seconds
        self._environment = environment
        self._cpus = cpus
        self._process: subprocess.Popen[bytes] | None = None
        self._greeted = self._told = False
        self._start()

    def _start(self) -> None:
        """Start the child; it takes a moment until it listens."""
        import multiprocessing  # slow to import, and few runs need it

        self._pipe, theirs = multiprocessing.Pipe()
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from evollm.executors.processes import main; main()",
                _number(theirs),
            ],
            stdin=subprocess.DEVNULL,
            env=inherited({"PYTHONPATH": path, **self._environment}, self._cpus),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        self._greeted = False

    def greet(self) -> None:
        """Wait till the child holds the problem and has prepared it, outside any time limit.

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
            self._told = False
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
        """Yield what the child says of its chunk until the last of it; answer what it asks."""
        end = self._end()
        while True:
            message = io.BytesIO(self._message(halted, end))
            while message.tell() < message.getbuffer().nbytes:
                found = pickle.load(message)
                if isinstance(found, EvollmError):
                    raise found
                if isinstance(found, Question):
                    self._pipe.send_bytes(_REPLY + pickle.dumps(desk.answer(found)))
                    continue
                yield found
                if found.last:
                    return
                end = self._end()

    def _end(self) -> float:
        """Return when the evaluation that begins now has to be done."""
        return inf if self._seconds is None else time.monotonic() + self._seconds

    def _message(self, halted: Halted, end: float) -> bytes:
        """Wait for the child's next message; tell it when the rest is not wanted any more."""
        while True:
            if not self._told and halted():
                self._told = True
                self._pipe.send_bytes(_HALT)
            left = end - time.monotonic()
            if self._pipe.poll(max(0.0, min(left, _POLL))):
                return self._pipe.recv_bytes()
            if left <= 0:
                raise TimeoutError

    def _ending(self) -> str:
        """Reap a dead child and say how it died."""
        if self._process is None:
            return "it was ended"
        code = self._process.wait()
        self.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def close(self) -> None:
        """Kill the child and its group; whoever waits for the pipe sees its end, and lets it go."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _number(pipe: Any) -> str:
    return str(pipe.fileno())


def main() -> None:
    """Serve as a child: a problem, then chunks, come in by a pipe; what comes of them goes out."""
    from multiprocessing.connection import Connection

    pipe = Connection(int(sys.argv.pop()))
    os.dup2(2, 1)  # what the problem prints goes where errors do
    inbox = _Inbox()
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=inbox.listen, args=(pipe,), daemon=True).start()
    threading.Thread(target=_speak, args=(pipe, answers), daemon=True).start()
    what = "load"
    try:
        problem = pickle.loads(inbox.chunks.get())
        what = "prepare"
        prepare(problem)
    except BaseException as error:
        pipe.send_bytes(pickle.dumps(f"can't {what} the problem: {type(error).__name__}: {error}"))
        return
    answers.put(pickle.dumps(None))

    def ask(question: Question) -> Reply:
        answers.put(pickle.dumps(question))
        reply: Reply = pickle.loads(inbox.replies.get())
        return reply

    account = RemoteLedger(ask)
    while True:
        chunk = inbox.chunks.get()
        inbox.halted.clear()
        for answer in _work(problem, chunk, account, inbox.halted.is_set):
            answers.put(answer)


class _Inbox:
    """What a child is sent, told apart."""

    def __init__(self) -> None:
        self.chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.halted = threading.Event()

    def listen(self, pipe: Any) -> None:
        """Pass messages on; where none can come any more, end, even amid an evaluation."""
        try:
            while True:
                message = pipe.recv_bytes()
                if message == _HALT:
                    self.halted.set()
                elif message.startswith(_REPLY):
                    self.replies.put(message.removeprefix(_REPLY))
                else:
                    self.chunks.put(message)
        except (OSError, EOFError):
            os.killpg(0, signal.SIGKILL)


def _speak(pipe: Any, answers: "queue.SimpleQueue[bytes]") -> None:
    """Send answers as they come, those that have gathered meanwhile as one message."""
    while True:
        gathered = [answers.get()]
        with contextlib.suppress(queue.Empty):
            while True:
                gathered.append(answers.get_nowait())
        with contextlib.suppress(OSError):  # then the listener ends the process
            pipe.send_bytes(b"".join(gathered))


def _work(
    problem: Problem[Any], parcel: bytes, account: RemoteLedger, halted: Halted
) -> Iterator[bytes]:
    """Evaluate one chunk, whatever is wrong with it or with what came of it."""
    try:
        chunk = replace(pickle.loads(parcel), ledger=account)
    except BaseException as error:
        yield pickle.dumps(Scores((), f"the genome can't be loaded: {error}"))
        return
    try:
        for found in parts(problem, chunk, halted):
            yield _parcel(found)
    except EvollmError as error:
        yield pickle.dumps(error)


def _parcel(found: Scores) -> bytes:
    """Pickle what came of a chunk; an outcome that can't travel is a failure.

    What can't be pickled by reference goes by value, info that can't travel at all is left out.
    """
    try:
        return pickle.dumps(found)
    except BaseException:  # tried again below
        pass
    try:
        return pickled(sendable(found), "an outcome")
    except BaseException as error:
        fault = f"the outcome can't be sent back: {error}"
        if len(found.outcomes) != 1:
            return pickle.dumps(Scores((), fault, found.seconds))
        return pickle.dumps(replace(found, outcomes=(Outcome(-inf, error=fault),)))


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
