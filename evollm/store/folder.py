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
    if not _locked(guard):
        time.sleep(_MOMENT)  # it may have been taken by ``held``, which releases it at once
    if not _locked(guard):
        guard.close()
        raise EvollmError(
            f"another process is using the run directory {brief(path)}: wait for it, or choose "
            "another folder"
        )
    return guard


def _locked(guard: IO[str]) -> bool:
    """Take the lock of an open file, if nobody holds it."""
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def held(path: Path) -> bool:
    """Return whether a process is writing to a run directory; False where that can't be told.

    The lock is taken and released at once.
    """
    if fcntl is None:
        return False
    try:
        with (path / "lock").open() as guard:
            fcntl.flock(guard, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
