"""Replicas: Ray actors that hold a copy of the problem, and who drives each from this side."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evollm.errors import EvollmError
from evollm.executors.environment import THREADS, forget
from evollm.executors.processes import sendable
from evollm.executors.scoring import Chunk, Halted, Scores, parts

log = logging.getLogger("evollm")

_TURN = 0.05  # seconds of work after which a replica hands over what it has
_PATIENCE = 10.0  # seconds without a place after which the user is told


@dataclass(frozen=True, slots=True)
class Needs:
    """What one replica asks of the cluster.

    Attributes:
        cpus: Processors.
        gpus: Graphics processors, or a share of one.
        environment: Variables that it gets.
        placement_timeout: How many seconds it may wait for a place.
    """

    cpus: float
    gpus: float
    environment: Mapping[str, str]
    placement_timeout: float

    def __str__(self) -> str:
        return f"{self.cpus:g} CPU and {self.gpus:g} GPU"


def place(replicas: Sequence["Remote"], needs: Needs, halted: Halted) -> None:
    """Wait till replicas have a place on the cluster, and tell the user if that takes long.

    Raises:
        EvollmError: If one has none in time.
    """
    import ray

    waiting = [replica.greet() for replica in replicas]
    began, told = time.monotonic(), False
    while waiting and not halted():
        _, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=0.2)
        passed = time.monotonic() - began
        if waiting and passed > needs.placement_timeout:
            raise EvollmError(
                f"{_shortage(len(waiting), needs)}, for {needs.placement_timeout:g} s: stop what "
                "else runs on the cluster, ask for fewer or smaller workers, or raise "
                "placement_timeout"
            )
        if waiting and passed > _PATIENCE and not told:
            told = True
            log.warning("%s; waiting at most %g s", _shortage(len(waiting), needs),
                        needs.placement_timeout)  # fmt: skip


def _shortage(waiting: int, needs: Needs) -> str:
    """Say what is asked of the cluster and what is free."""
    import ray

    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    return (
        f"{waiting} Ray workers have no place yet: each asks for {needs}, and free are "
        f"{free.get('CPU', 0):g} CPU and {free.get('GPU', 0):g} GPU"
    )


class Replica:
    """What runs on the worker."""

    def __init__(self, keep: Collection[str]) -> None:
        forget(keep)
        self._held: tuple[Any, Any] = (None, None)
        self._coming: Iterator[Scores] = iter(())

    def greet(self) -> None:
        """Return, which shows that the replica has a place."""

    def hold(self, problem: list[Any]) -> None:
        """Fetch the problem; it comes in a list, for Ray unpickles a bare one each time."""
        import ray

        if self._held[0] != problem[0]:
            self._held = (problem[0], ray.get(problem[0]))

    def begin(self, chunk: Chunk) -> list[Scores] | EvollmError:
        """Evaluate the first genomes of a chunk."""
        self._coming = parts(self._held[1], chunk, lambda: False)
        return self.more()

    def more(self) -> list[Scores] | EvollmError:
        """Evaluate the chunk's next genome, and others until a moment has passed."""
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
    """Drives one replica from the driver's side."""

    def __init__(self, problem: Any, seconds: float | None, needs: Needs) -> None:
        self.problem = problem
        self._seconds = seconds
        self._needs = needs
        self._actor: Any = None
        self._held: Any = None
        self._build()

    def _build(self) -> None:
        import ray

        variables = THREADS | dict(self._needs.environment)
        options = {
            "num_cpus": self._needs.cpus,
            "num_gpus": self._needs.gpus,
            "runtime_env": {"env_vars": variables},
        }
        self._actor = ray.remote(Replica).options(**options).remote(sorted(variables))
        self._held = None

    def greet(self) -> Any:
        """Ask for a sign of life; return Ray's reference to it."""
        return self._actor.greet.remote()

    def hold(self) -> None:
        """Wait till the replica holds the problem, outside any time limit.

        Raises:
            EvollmError: If it can't be loaded.
        """
        import ray

        try:
            ray.get(self._actor.hold.remote([self.problem]))
        except ray.exceptions.RayError as error:
            cause = str(error).strip().splitlines()[-1]
            raise EvollmError(f"a Ray worker can't load the problem: {cause}") from None
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
        while not last:
            if halted():
                yield Scores(())
                return
            for found in self._turn(turn):
                yield found
                last = found.last
            turn = None

    def _turn(self, chunk: Chunk | None) -> list[Scores]:
        """Let the replica work for a moment, on a new chunk or on with the one that it has."""
        import ray

        work = self._actor.begin.remote(chunk) if chunk else self._actor.more.remote()
        try:
            found = ray.get(work, timeout=self._seconds)
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
        return [Scores((), error, died=died)]

    def close(self) -> None:
        """Kill the replica."""
        import ray

        if self._actor is not None and ray.is_initialized():
            ray.kill(self._actor)
        self._actor = None
