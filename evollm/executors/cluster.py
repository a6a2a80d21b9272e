"""Ray: evaluations by Ray actors, on a cluster or on this machine."""

import logging
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from evollm.errors import EvollmError
from evollm.executors.base import Pool, Worker
from evollm.executors.environment import checked, keys_for
from evollm.executors.pickling import whole
from evollm.executors.replicas import Needs, Remote, place
from evollm.shadows import PACKAGES, check_shadows
from evollm.types import Problem


class Ray(Pool):
    """Evaluates on Ray actors, each of which holds a replica of the problem.

    A running Ray session is used and not shut down. A replica that dies is rebuilt; its genomes are
    evaluated again, one by one, and only a genome that kills the replica twice fails. If this
    executor is used as a context manager, the replicas are kept between runs. Secrets are removed
    from the replicas' environment when they start; ``evollm.executors.environment.secret`` says
    which variables these are. Only a problem with the attribute ``asks_model`` gets the model's
    key. If the problem has a method ``prepare()``, each replica calls it once, before its first
    evaluation and outside the time limit.

    Args:
        workers: Number of replicas; None for as many as fit on the cluster.
        seconds: Time limit of one evaluation, after which its replica is killed and rebuilt; None
            for no limit.
        cpus: Processors that one replica takes; its numerical libraries get as many threads.
        gpus: Graphics processors, or a share of one, that one replica takes.
        environment: Variables that are added to the replicas' environment or replace those in it.
        placement_timeout: Seconds that a replica may wait for free resources on the cluster. A wait
            of more than ten seconds is logged.

    Raises:
        EvollmError: If a time limit is not positive, or the variables are invalid.
    """

    def __init__(
        self,
        workers: int | None = None,
        seconds: float | None = None,
        cpus: float = 1,
        gpus: float = 0,
        environment: Mapping[str, str] | None = None,
        placement_timeout: float = 300.0,
    ) -> None:
        for limit in (seconds, placement_timeout):
            if limit is not None and not limit > 0:
                raise EvollmError(f"a time limit must be positive, not {limit}")
        super().__init__(1 if workers is None else workers, None if seconds is None else 1)
        self._seconds = seconds
        self._workers = workers
        self._needs = Needs(cpus, gpus, checked(environment or {}), placement_timeout)
        self._kept: list[Worker] | None = None
        self._owner = False

    def start(self, problem: Problem[Any]) -> None:
        """Join the cluster, or start one on this machine, and send the problem to the replicas.

        Raises:
            EvollmError: If the replicas don't fit on the cluster, its resources don't become free
                in time, or the problem can't be pickled.
        """
        import ray

        if not ray.is_initialized():
            check_shadows(*PACKAGES)  # otherwise the workers would import a mixture
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **_place())
            self._owner = True
        there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self.workers = self._fit(there)
        _by_value()
        self._problem = _put(problem)
        super().start(problem)

    def _fit(self, there: dict[str, float]) -> int:
        """Return the number of replicas, if they fit on the cluster."""
        shares = {"CPU": self._needs.cpus, "GPU": self._needs.gpus}
        most = min(int(there.get(what, 0) / share) for what, share in shares.items() if share)
        if most < (self._workers or 1):
            raise EvollmError(
                f"the Ray cluster has room for {most} replicas of {self._needs}, not for "
                f"{self._workers or 1}: use fewer workers"
            )
        return self._workers or most

    def hire(self, problem: Problem[Any]) -> Worker:
        """Create the driver of one replica, or give the problem to a kept one."""
        if self._kept:
            worker = self._kept.pop()
            assert isinstance(worker, Remote)
            worker.problem, worker.keys = self._problem, keys_for(problem)
            return worker
        return Remote(self._problem, keys_for(problem), self._seconds, self._needs)

    def ready(self) -> None:
        """Return when all replicas are placed, hold the problem and have prepared it."""
        place(self._crew, self._needs, lambda: False)
        self.each(Remote.hold)

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
    """Return the cluster's address: the one in the environment, or this machine."""
    if os.environ.get("RAY_ADDRESS"):
        return {}
    return {"address": "local", "include_dashboard": False}


def _by_value() -> None:
    """Register the modules that Ray's pickler pickles by value; see ``pickling.by_value``."""
    import ray.cloudpickle

    for module in whole():
        ray.cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]


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
