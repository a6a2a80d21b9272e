"""Names: the executors by name, and the settings of their workers."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from inspect import signature
from typing import Any

from evollm.checks import at_least, nearest
from evollm.errors import EvollmError
from evollm.executors.base import Executor, Serial, Threads
from evollm.executors.cluster import Ray
from evollm.executors.processes import Processes

EXECUTORS: Mapping[str, Callable[..., Executor]] = {
    "serial": Serial,
    "threads": Threads,
    "processes": Processes,
    "ray": Ray,
}
"""The factory of each executor by its name; it takes some of the parameters in ``Workers``."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Settings of an executor's workers; None for the executor's default.

    Attributes:
        workers: Number of evaluations at the same time; None for one per processor, or with ray for
            as many as fit on the cluster.
        seconds: Time limit of one evaluation in seconds (processes and ray).
        cpus: Processors per worker (ray).
        gpus: Graphics processors per worker, or a fraction of one (ray).
    """

    workers: int | None = None
    seconds: float | None = None
    cpus: float | None = None
    gpus: float | None = None

    def __post_init__(self) -> None:
        at_least(1, self, "workers")
        at_least(0, self, "cpus", "gpus")
        if self.seconds is not None and not self.seconds > 0:
            raise EvollmError(f"seconds must be positive, not {self.seconds}")

    def given_to(self, name: str) -> dict[str, float]:
        """Return the settings that are given, by the executor's parameter.

        Raises:
            EvollmError: If there is no such executor, or it does not have one of the parameters.
        """
        if name not in EXECUTORS:
            raise EvollmError(f"there is no executor '{name}'{nearest(name, EXECUTORS)}")
        wanted = {item: value for item, value in asdict(self).items() if value is not None}
        for item in wanted:
            if item not in _parameters(EXECUTORS[name]):
                able = [one for one, make in EXECUTORS.items() if item in _parameters(make)]
                first, last = ", ".join(able[:-1]), able[-1]
                others = f"{first} or {last}" if first else last
                raise EvollmError(f"{item} is not available for the executor {name}: use {others}")
        return wanted


def executor_of(name: str, workers: Workers | None = None) -> Executor:
    """Create an executor by its name.

    Args:
        name: One of ``EXECUTORS``.
        workers: Settings of its workers.

    Raises:
        EvollmError: See ``Workers.given_to``.
    """
    wanted = (workers or Workers()).given_to(name)
    return EXECUTORS[name](**wanted)


def _parameters(make: Any) -> Mapping[str, object]:
    # The signature of the class would be that of __new__, which takes any arguments.
    bare = make.__init__ if isinstance(make, type) else make  # type: ignore[misc]
    return signature(bare).parameters
