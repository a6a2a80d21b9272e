"""Databases: errors of SQLite files as errors of one sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evollm.errors import EvollmError

_FIXES = {
    sqlite3.SQLITE_FULL: "can't grow because the disk is full: free some space and resume",
    sqlite3.SQLITE_BUSY: "is in use by another program: close it and go on",
    sqlite3.SQLITE_LOCKED: "is in use by another program: close it and go on",
}
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_PLACES = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)
_PLACE = "check that its folder exists and is writable"


@contextmanager
def explained(file: Path | str, fix: str, place: str = _PLACE) -> Iterator[None]:
    """Turn database errors in the block into an ``EvollmError`` that names the file and the fix.

    Args:
        file: The database, or its name in messages.
        fix: The fix if it is damaged.
        place: The fix if it can't be opened, read or written.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise EvollmError(f"{file} {_sentence(error, fix, place)}") from None
    except UnicodeDecodeError as error:
        raise damaged(file, error, fix) from None
    except OverflowError as error:
        raise EvollmError(
            f"{file} can't store a number of more than 64 bits ({error}): use smaller numbers"
        ) from None


def damaged(file: Path | str, error: object, fix: str) -> EvollmError:
    """Return the error for a database with invalid content."""
    return EvollmError(f"{file} is damaged ({error}): {fix}")


def _sentence(error: sqlite3.Error, fix: str, place: str) -> str:
    """Return the part of the message after the file's name."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _FIXES:
        return _FIXES[code]
    if code in _DAMAGED or "decode to UTF-8" in str(error):
        return f"is damaged ({error}): {fix}"
    if "closed database" in str(error):
        return "is closed: open it again to continue"
    if code in _PLACES:
        return f"can't be used ({error}): {place}"
    return f"can't execute the statement ({error})"
