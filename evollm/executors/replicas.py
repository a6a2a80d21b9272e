"""Replicas: Ray actors that hold a copy of the problem, and the objects that drive them."""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from evollm.errors import EvollmError, described
from evollm.executors.environment import forget, threads
from evollm.executors.pickling import sendable
from evollm.executors.remote_ledger import Desk, Question, RemoteLedger, Reply
from evollm.executors.scoring import Chunk, Halted, Scores, parts
from evollm.functions import prepare

log = logging.getLogger("evollm")

_TURN = 0.05  # seconds of work after which a replica returns the outcomes so far
_PATIENCE = 10.0  # seconds of waiting for resources after which a warning is logged


@dataclass(frozen=True, slots=True)
class Needs:
    """The resources that one replica requests from the cluster.

    Attributes:
        cpus: Processors.
        gpus: Graphics processors, or a fraction of one.
        environment: Additional environment variables.
        placement_timeout: Seconds that it may wait for free resources.
    """

    cpus: float
    gpus: float
    environment: Mapping[str, str]
    placement_timeout: float

    def __str__(self) -> str:
        return f"{self.cpus:g} CPU and {self.gpus:g} GPU"


def place(replicas: Sequence["Remote"], needs: Needs, halted: Halted) -> None:
    """Wait until replicas are placed on the cluster; log a warning if that takes long.

    Raises:
        EvollmError: If one is not placed in time.
    """
    import ray

    waiting = [replica.greet() for replica in replicas]
    began, warned = time.monotonic(), False
    while waiting and not halted():
        _, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=0.2)
        passed = time.monotonic() - began
        if waiting and passed > needs.placement_timeout:
            raise EvollmError(
                f"{_shortage(len(waiting), needs)}, after {needs.placement_timeout:g} s: stop "
                "other work on the cluster, use fewer or smaller workers, or raise "
                "placement_timeout"
            )
        if waiting and passed > _PATIENCE and not warned:
            warned = True
            log.warning("%s; waiting at most %g s", _shortage(len(waiting), needs),
                        needs.placement_timeout)  # fmt: skip


def _shortage(waiting: int, needs: Needs) -> str:
    """Return a message with the requested and the free resources."""
    import ray

    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    return (
        f"{waiting} Ray workers wait for resources: each needs {needs}, but only "
        f"{free.get('CPU', 0):g} CPU and {free.get('GPU', 0):g} GPU are free"
    )


class Replica:
    """The actor that evaluates on a worker.

    Evaluations run in a separate thread while the actor waits for a turn's result, so that a turn
    can end with a question to the driver during an evaluation and continue with the reply.
    """

    def __init__(self, keep: Collection[str]) -> None:
        forget(keep)
        self._keep = keep
        self._held: tuple[Any, Any] = (None, None)
        self._coming: Iterator[Scores] = iter(())
        self._tasks: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                found = task()
            except BaseException as error:
                found = error
            self._messages.put(found)

    def _do(self, task: Callable[[], Any]) -> Any:
        self._tasks.put(task)
        return self._message()

    def _message(self) -> Any:
        """Return the thread's next message, which may be an error that ends the run."""
        found = self._messages.get()
        if isinstance(found, BaseException) and not isinstance(found, EvollmError):
            raise found
        return found

    def greet(self) -> None:
        """Return, which shows that the replica has been placed."""

    def hold(self, problem: list[Any], keys: Mapping[str, str]) -> EvollmError | None:
        """Fetch and prepare the problem.

        Args:
            problem: Ray's reference to it, in a list because Ray would resolve a bare one at each
                call.
            keys: The environment variables with the secrets that the problem may see.
        """
        held: EvollmError | None = self._do(partial(self._hold, problem[0], keys))
        return held

    def _hold(self, reference: Any, keys: Mapping[str, str]) -> None:
        import ray

        if self._held[0] == reference:
            return
        forget(self._keep)
        os.environ.update(keys)
        problem = ray.get(reference)
        try:
            prepare(problem)
        except Exception as error:
            raise EvollmError(
                f"a Ray worker can't prepare the problem: {described(error)}"
            ) from None
        self._held = reference, problem

    def begin(self, chunk: Chunk) -> list[Scores] | Question | EvollmError:
        """Evaluate the first genomes of a chunk; see ``more``."""
        chunk = replace(chunk, ledger=RemoteLedger(self._ask))
        self._coming = parts(self._held[1], chunk, lambda: False)
        return self.more()

    def more(self) -> list[Scores] | Question | EvollmError:
        """Evaluate the chunk's next genome, and further ones for a moment.

        Returns:
            Their outcomes; or a question, after whose ``reply`` the turn continues.
        """
        turn: list[Scores] | Question | EvollmError = self._do(self._turn)
        return turn

    def reply(self, reply: Reply) -> list[Scores] | Question | EvollmError:
        """Take the reply to a question, and continue the turn."""
        self._replies.put(reply)
        turn: list[Scores] | Question | EvollmError = self._message()
        return turn

    def _ask(self, question: Question) -> Reply:
        self._messages.put(question)
        return self._replies.get()

    def _turn(self) -> list[Scores] | EvollmError:
        began, found = time.monotonic(), []
        try:
            for one in self._coming:
                found.append(
                    sendable(one) if any(o.info is not None for o in one.outcomes) else one
                )
                if time.monotonic() - began > _TURN:
                    break
        except EvollmError as error:
            return error
        return found


class Remote:
    """The driver's handle of one replica."""

    def __init__(
        self, problem: Any, keys: Mapping[str, str], seconds: float | None, needs: Needs
    ) -> None:
        self.problem = problem
        self.keys = keys
        self._seconds = seconds
        self._needs = needs
        self._actor: Any = None
        self._held: Any = None
        self._build()

    def _build(self) -> None:
        import ray

        variables = threads(self._needs.cpus) | dict(self._needs.environment)
        options = {
            "num_cpus": self._needs.cpus,
            "num_gpus": self._needs.gpus,
            "runtime_env": {"env_vars": variables},
        }
        self._actor = ray.remote(Replica).options(**options).remote(sorted(variables))
        self._held = None

    def greet(self) -> Any:
        """Ask the replica to respond; return Ray's reference to the response."""
        return self._actor.greet.remote()

    def hold(self) -> None:
        """Wait until the replica holds the problem and has prepared it, outside any time limit.

        Raises:
            EvollmError: If it can't.
        """
        import ray

        try:
            error = ray.get(self._actor.hold.remote([self.problem], self.keys))
        except ray.exceptions.RayError as fault:
            cause = str(fault).strip().splitlines()[-1]
            raise EvollmError(f"a Ray worker can't load the problem: {cause}") from None
        if error is not None:
            raise error
        self._held = self.problem

    def score(self, chunk: Chunk, halted: Halted) -> Iterator[Scores]:
        """Evaluate a chunk turn by turn; rebuild the replica if it dies or takes too long."""
        if self._actor is None:
            self._build()
            place([self], self._needs, halted)
        if self._held != self.problem and not halted():
            self.hold()
        last = False
        turn: Chunk | None = chunk
        desk = Desk(chunk.ledger)
        while not last:
            if halted():
                yield Scores(())
                return
            for found in self._turn(turn, desk):
                yield found
                last = found.last
            turn = None

    def _turn(self, chunk: Chunk | None, desk: Desk) -> list[Scores]:
        """Let the replica work for a moment on a new chunk or the current one."""
        import ray

        work = self._actor.begin.remote(chunk) if chunk else self._actor.more.remote()
        try:
            found = self._awaited(work, desk)
        except ray.exceptions.GetTimeoutError:
            error, died = f"time limit of {self._seconds} s passed", False
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.OutOfMemoryError,
        ) as fault:
            error, died = f"the worker died ({type(fault).__name__})", True
        except ray.exceptions.RayTaskError as fault:
            cause = str(fault).strip().splitlines()[-1]
            return [Scores((), f"the outcome can't be sent back: {cause}")]
        else:
            if isinstance(found, EvollmError):
                raise found
            assert isinstance(found, list)
            return found
        self.close()
        desk.lost()
        return [Scores((), error, died=died)]

    def _awaited(self, work: Any, desk: Desk) -> list[Scores] | EvollmError:
        """Answer the replica's questions until its turn ends, within the time limit."""
        import ray

        end = None if self._seconds is None else time.monotonic() + self._seconds
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            found: list[Scores] | Question | EvollmError = ray.get(work, timeout=left)
            if not isinstance(found, Question):
                return found
            work = self._actor.reply.remote(desk.answer(found))

    def close(self) -> None:
        """Kill the replica."""
        import ray

        if self._actor is not None and ray.is_initialized():
            ray.kill(self._actor)
        self._actor = None
