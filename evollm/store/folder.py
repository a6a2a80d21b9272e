"""The lock of a run directory, for one writing process at a time."""

import time
from pathlib import Path
from typing import IO

from evollm.errors import EvollmError
from evollm.paths import brief

try:
    import fcntl
except ImportError:  # missing on Windows
    fcntl = None  # type: ignore[assignment]

_MOMENT = 0.05  # seconds


def claim(path: Path) -> IO[str]:
    """Create a run directory and take its lock, which the system releases when the process dies.

    Returns:
        The open lock file, to be closed when the directory is released.

    Raises:
        EvollmError: If the directory can't be written to, another process holds the lock, or the
            system does not support such locks.
    """
    if fcntl is None:
        raise EvollmError(
            "a run directory needs the file locks of Linux, macOS or WSL: run evollm there, or "
            "without a path"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        guard = (path / "lock").open("a")
    except OSError as error:
        raise EvollmError(
            f"can't write to the run directory {brief(path)}: {error.strerror}"
        ) from None
    if not (_locked(guard, fcntl.LOCK_EX) or _again(guard)):
        guard.close()
        raise EvollmError(
            f"another process is using the run directory {brief(path)}: wait for it, or choose "
            "another folder"
        )
    return guard


def held(path: Path) -> bool:
    """Return whether a process holds the lock of a run directory, and so is writing to it."""
    try:
        guard = (path / "lock").open()
    except OSError:
        return False
    with guard:
        return fcntl is not None and not _locked(guard, fcntl.LOCK_SH)


def _again(guard: IO[str]) -> bool:
    """Try a second time, because ``held`` takes the lock for a moment."""
    time.sleep(0.05)
    return _locked(guard, fcntl.LOCK_EX)


def _locked(guard: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(guard, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
