"""Ray: evaluations on replica actors of a cluster, or of this machine."""

import logging
import os
from types import TracebackType
from typing import Any

from evollm.errors import EvollmError
from evollm.executors.base import Chunk, Pool, Scores, Worker, score
from evollm.executors.processes import sendable
from evollm.shadows import PACKAGES, check_shadows
from evollm.types import Problem

_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Ray(Pool):
    """Evaluates on Ray actors, each of which holds a replica of the problem.

    A Ray session that runs already is used and left alone. A replica that dies is rebuilt; what it
    worked on is asked again, genome by genome, and only the genome that kills it twice fails. Used
    as a context manager, the replicas stay up between runs.

    Args:
        workers: How many replicas; None for as many as the cluster has room for.
        seconds: Time limit of one evaluation; then its replica is killed and rebuilt. None is no
            limit.
        cpus: Processors that one replica takes.
        gpus: Graphics processors, or a share of one, that one replica takes.

    Raises:
        EvollmError: If the time limit is not positive.
    """

    def __init__(
        self,
        workers: int | None = None,
        seconds: float | None = None,
        cpus: float = 1,
        gpus: float = 0,
    ) -> None:
        if seconds is not None and not seconds > 0:
            raise EvollmError(f"a time limit must be positive, not {seconds}")
        super().__init__(1 if workers is None else workers, None if seconds is None else 1)
        self._seconds = seconds
        self._wanted = workers
        self._resources = {"num_cpus": cpus, "num_gpus": gpus}
        self._kept: list[Worker] | None = None
        self._owner = False

    def start(self, problem: Problem[Any]) -> None:
        """Join the cluster, or start one on this machine, and give the replicas their problem.

        Raises:
            EvollmError: If the cluster has no room for the replicas, or the problem can't travel.
        """
        import ray

        if not ray.is_initialized():
            check_shadows(*PACKAGES)  # or the workers would import a mixture
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **_place())
            self._owner = True
        there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self.workers = self._fit(there)
        self._problem = _put(problem)
        super().start(problem)

    def _fit(self, there: dict[str, float]) -> int:
        """Return how many replicas to make, if the cluster can ever hold them."""
        shares = {"CPU": self._resources["num_cpus"], "GPU": self._resources["num_gpus"]}
        most = min(int(there.get(what, 0) / share) for what, share in shares.items() if share)
        if most < (self._wanted or 1):
            raise EvollmError(
                f"the Ray cluster has room for {most} replicas of {shares['CPU']:g} CPU and "
                f"{shares['GPU']:g} GPU, not for {self._wanted or 1}: ask for fewer workers"
            )
        return self._wanted or most

    def hire(self, problem: Problem[Any]) -> Worker:
        """Make the driver of one replica, or give a kept one the problem."""
        if self._kept:
            worker = self._kept.pop()
            assert isinstance(worker, _Remote)
            worker.problem = self._problem
            return worker
        return _Remote(self._problem, self._seconds, self._resources)

    def close(self, wait: bool = True) -> None:
        """End the replicas, and the Ray session if this executor started it."""
        if self._kept is not None and wait:
            self._kept += self._crew
            self._crew = []
        super().close(wait)
        if self._kept is None and self._owner:
            import ray

            ray.shutdown()
            self._owner = False

    def __enter__(self) -> "Ray":
        self._kept = []
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._crew, self._kept = self._kept or [], None
        self.close()


def _place() -> dict[str, Any]:
    """Return where to connect: the cluster that the environment names, else this machine."""
    if os.environ.get("RAY_ADDRESS"):
        return {}
    return {"address": "local", "include_dashboard": False}


def _put(problem: Problem[Any]) -> Any:
    """Store the problem once for all replicas."""
    import ray

    try:
        return ray.put(problem)
    except Exception as error:
        raise EvollmError(
            f"{type(problem).__name__} can't be sent to Ray's workers ({error}): "
            "keep open files, locks and connections out of it"
        ) from None


class _Replica:
    """What runs on the worker."""

    def __init__(self) -> None:
        self._held: tuple[Any, Any] = (None, None)

    def hold(self, problem: list[Any]) -> None:
        """Fetch the problem; it comes in a list, for Ray unpickles a bare one each time."""
        import ray

        if self._held[0] != problem[0]:
            self._held = (problem[0], ray.get(problem[0]))

    def score(self, chunk: Chunk) -> Scores | EvollmError:
        """Evaluate a chunk with the problem held."""
        try:
            found = score(self._held[1], chunk)
        except EvollmError as error:
            return error
        told = any(one.info is not None for one in found.outcomes)
        return sendable(found) if told else found


class _Remote:
    """Drives one replica from the driver's side."""

    def __init__(self, problem: Any, seconds: float | None, resources: dict[str, float]) -> None:
        self.problem = problem
        self._seconds = seconds
        self._resources = resources
        self._actor: Any = None
        self._held: Any = None
        self._build()

    def _build(self) -> None:
        import ray

        options = {**self._resources, "runtime_env": {"env_vars": _THREADS}}
        self._actor = ray.remote(_Replica).options(**options).remote()
        self._held = None

    def _hold(self) -> None:
        """Wait till the replica holds the problem, outside any time limit."""
        import ray

        try:
            ray.get(self._actor.hold.remote([self.problem]))
        except ray.exceptions.RayError as error:
            cause = str(error).strip().splitlines()[-1]
            raise EvollmError(f"a Ray worker can't load the problem: {cause}") from None
        self._held = self.problem

    def score(self, chunk: Chunk) -> Scores:
        """Evaluate a chunk; rebuild the replica if it dies or takes too long."""
        import ray

        if self._actor is None:
            self._build()
        if self._held != self.problem:
            self._hold()
        try:
            found = ray.get(self._actor.score.remote(chunk), timeout=self._seconds)
        except ray.exceptions.GetTimeoutError:
            error, died = f"time limit of {self._seconds} s passed", False
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.OutOfMemoryError,
        ) as fault:
            error, died = f"the worker died ({type(fault).__name__})", True
        else:
            if isinstance(found, EvollmError):
                raise found
            assert isinstance(found, Scores)
            return found
        self.close()
        return Scores((), error, died=died)

    def close(self) -> None:
        """Kill the replica."""
        import ray

        if self._actor is not None and ray.is_initialized():
            ray.kill(self._actor)
        self._actor = None
