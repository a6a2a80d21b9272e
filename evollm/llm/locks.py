"""File locks between processes, released whenever the process ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evollm.errors import EvollmError

if sys.platform == "win32":
    raise EvollmError(
        "the offline model needs Linux, macOS or WSL: name another model with EVOLLM_MODEL"
    )

import fcntl


def hold(path: Path, *, shared: bool = False) -> int:
    """Wait for a file's lock and keep it until the returned descriptor is closed.

    Args:
        path: The file, created if it is missing.
        shared: Whether other processes that share it may hold it at the same time.

    Raises:
        EvollmError: If the file can't be opened, or its file system does not support locks.
    """
    return _lock(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def grab(path: Path, *, shared: bool = False) -> int | None:
    """Lock a file as ``hold`` does, but return None immediately if another holder has it."""
    try:
        return _lock(path, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock against other processes and threads during a ``with`` block."""
    descriptor = hold(path)
    try:
        yield
    finally:
        os.close(descriptor)


def same_file(path: Path, descriptor: int) -> bool:
    """Return whether ``path`` is still the file that the descriptor refers to."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _lock(path: Path, kind: int) -> int:
    descriptor = -1
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, kind)
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        raise EvollmError(
            f"the lock file {path} can't be used ({error.strerror}): "
            "name another cache folder in EVOLLM_CACHE"
        ) from None
    return descriptor
