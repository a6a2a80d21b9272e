"""The lock of a run directory: one process at a time writes to it."""

from pathlib import Path
from typing import IO

from evollm.errors import EvollmError
from evollm.paths import brief

try:
    import fcntl
except ImportError:  # there is none on Windows
    fcntl = None  # type: ignore[assignment]


def claim(path: Path) -> IO[str]:
    """Make a run directory and take its lock, which the system releases when the process dies.

    Returns:
        The open lock file, to be closed when the directory is released.

    Raises:
        EvollmError: If the directory can't be written to, another process has it, or the system
            has no such locks.
    """
    if fcntl is None:
        raise EvollmError(
            "a run directory is locked while it is written to, which needs Linux, macOS or WSL:"
            " run evollm there, or without a path"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        guard = (path / "lock").open("a")
    except OSError as error:
        raise EvollmError(
            f"can't write to the run directory {brief(path)}: {error.strerror}"
        ) from None
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        guard.close()
        raise EvollmError(
            f"another process is running in {brief(path)}: wait for it, or choose another folder"
        ) from None
    return guard
