"""Names: the executors by name, and what their workers are like."""

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
"""What makes an executor, by its name; its parameters are those of ``Workers`` that it has."""


@dataclass(frozen=True, slots=True)
class Workers:
    """What an executor's workers are like; None leaves it to the executor.

    Attributes:
        workers: How many evaluations run at once; None for one per processor, or with ray for as
            many as the cluster has room for.
        seconds: Time limit of one evaluation in seconds, for processes and ray.
        cpus: Processors that one worker takes, for ray.
        gpus: Graphics processors, or a share of one, that one worker takes, for ray.
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
        """Return what is set, by the parameter of an executor.

        Raises:
            EvollmError: If there is no such executor, or it lacks one of the parameters.
        """
        if name not in EXECUTORS:
            raise EvollmError(f"there is no executor '{name}'{nearest(name, EXECUTORS)}")
        wanted = {item: value for item, value in asdict(self).items() if value is not None}
        for item in wanted:
            if item not in _parameters(EXECUTORS[name]):
                able = [one for one, make in EXECUTORS.items() if item in _parameters(make)]
                first, last = ", ".join(able[:-1]), able[-1]
                others = f"{first} or {last}" if first else last
                raise EvollmError(f"{item} is not for the executor {name}: use {others}")
        return wanted


def executor_of(name: str, workers: Workers | None = None) -> Executor:
    """Make an executor by its name.

    Args:
        name: One of ``EXECUTORS``.
        workers: What its workers are like.

    Raises:
        EvollmError: See ``Workers.given_to``.
    """
    wanted = (workers or Workers()).given_to(name)
    return EXECUTORS[name](**wanted)


def _parameters(make: Any) -> Mapping[str, object]:
    # A class's own signature would be that of __new__, which takes anything.
    bare = make.__init__ if isinstance(make, type) else make  # type: ignore[misc]
    return signature(bare).parameters
