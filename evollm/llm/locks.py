"""File locks: they hold between processes and end with their process, however that ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evollm.types import EvollmError

if sys.platform == "win32":
    raise EvollmError(
        "The offline model needs Linux, macOS or WSL: name another model with EVOLLM_MODEL."
    )

import fcntl


def hold(path: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """Lock a file, made if it is missing, until the returned descriptor is closed.

    Args:
        path: The file.
        shared: Whether others may hold it too, if they share as well.
        wait: Whether to wait for those who hold it now.

    Returns:
        The open descriptor, or None if someone holds it and ``wait`` is False.

    Raises:
        EvollmError: If the file can't be opened, or its file system has no locks.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _no_lock(path, error) from None
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(descriptor, kind)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise _no_lock(path, error) from None
    return descriptor


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock alone, against other processes and other threads, for a ``with`` block."""
    descriptor = hold(path)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def same_file(path: Path, descriptor: int) -> bool:
    """Return whether ``path`` still is the file that the descriptor has open."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _no_lock(path: Path, error: OSError) -> EvollmError:
    return EvollmError(
        f"The lock file {path} can't be used ({error.strerror}): "
        "name another cache folder in EVOLLM_CACHE."
    )
