"""Limits: what one evaluation of a program may use."""

from dataclasses import dataclass
from math import isfinite

from evollm.errors import EvollmError

MEGABYTE = 2**20
_WHOLE = ("memory_mb", "processes", "file_mb", "disk_mb", "output_kb")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may use; beyond it, all its processes are killed and it has failed.

    Attributes:
        seconds: Wall time, including the start of Python.
        cpu_seconds: Processor time of all processes of the evaluation together; none for no limit
            but the wall time.
        memory_mb: Address space of each process, and resident memory of all together, in MiB.
        processes: Number of processes at the same time, the evaluator's own included.
        file_mb: Size of one written file in MiB.
        disk_mb: Size of all files in the working folder in MiB, where the platform can limit it.
        output_kb: Printed text in KiB, standard output and standard error together.
        network: Whether the network can be used.
    """

    seconds: float = 60.0
    cpu_seconds: float | None = None
    memory_mb: int = 2048
    processes: int = 32
    file_mb: int = 64
    disk_mb: int = 256
    output_kb: int = 256
    network: bool = False

    def __post_init__(self) -> None:
        for name in ("seconds", "cpu_seconds"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and isfinite(value)):
                raise EvollmError(f"{name} must be a positive number, not {value}")
        for name in _WHOLE:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise EvollmError(f"{name} must be a whole number, 1 or more, not {value!r}")
