"""Databases: what is wrong with an SQLite file, in one sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evollm.errors import EvollmError

_FIXES = {
    sqlite3.SQLITE_FULL: "can't grow because the disk is full: free some space and resume from what"
    " was committed",
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
_PLACE = "see that its folder is there and can be written"


@contextmanager
def explained(file: Path | str, fix: str, place: str = _PLACE) -> Iterator[None]:
    """Turn what goes wrong within into an ``EvollmError`` that names the file and how to go on.

    Args:
        file: The database, or what to call it.
        fix: What to do if it is damaged.
        place: What to do if it can't be opened, read or written.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise EvollmError(f"{file} {_sentence(error, fix, place)}") from None
    except UnicodeDecodeError as error:
        raise damaged(file, error, fix) from None
    except OverflowError as error:
        raise EvollmError(f"{file} can't hold a number beyond 64 bits ({error})") from None


def damaged(file: Path | str, error: object, fix: str) -> EvollmError:
    """Return the error for a database whose content makes no sense."""
    return EvollmError(f"{file} is damaged ({error}): {fix}")


def _sentence(error: sqlite3.Error, fix: str, place: str) -> str:
    """Say what is wrong, as what follows the file's name."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _FIXES:
        return _FIXES[code]
    if code in _DAMAGED or "decode to UTF-8" in str(error):
        return f"is damaged ({error}): {fix}"
    if "closed database" in str(error):
        return "is closed: open it again to go on"
    if code in _PLACES:
        return f"can't be used ({error}): {place}"
    return f"can't do what was asked ({error})"
