"""Answers on disk, by the hash of their request, and capabilities of endpoints."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path

from evollm.databases import damaged, explained
from evollm.errors import EvollmError
from evollm.llm.client.answers import Answer, dump, load

VERSION = 1
_CHUNK = 500
_BUSY_S = 60.0
_ELSEWHERE = "name another folder in EVOLLM_CACHE"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL, at REAL NOT"
    " NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS abilities (endpoint TEXT, model TEXT, ability TEXT, holds INTEGER"
    " NOT NULL, at REAL NOT NULL, PRIMARY KEY (endpoint, model, ability)) WITHOUT ROWID",
    f"PRAGMA user_version = {VERSION}",
)


class Cache:
    """One SQLite file; threads and processes may share it.

    The first answer to a request is kept; later ones, for example from another process, are
    dropped.

    Args:
        path: The file; created if missing.

    Raises:
        EvollmError: If the file is not a cache, is of a newer version, or can't be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._database.close()
                raise

    def find(self, keys: Iterable[str]) -> dict[str, Answer]:
        """Return the stored answers, by key."""
        rest = iter(keys)
        found: dict[str, Answer] = {}
        with self._explained(), self._lock:
            while chunk := list(islice(rest, _CHUNK)):
                marks = ",".join("?" * len(chunk))
                query = f"SELECT key, answer FROM answers WHERE key IN ({marks})"
                rows = self._database.execute(query, chunk).fetchall()
                found.update((key, load(line)) for key, line in rows)
        return found

    def add(self, answers: Mapping[str, Answer]) -> None:
        """Write answers by key, in one transaction."""
        now = time.time()
        rows = [(key, dump(answer), now) for key, answer in answers.items()]
        with self._explained(), self._lock, self._transaction():
            self._database.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", rows)

    def ability(self, endpoint: str, model: str, ability: str, newer_than: float) -> bool | None:
        """Return whether a model at an endpoint has an ability; None without a recent finding.

        Args:
            endpoint: The endpoint's name in the cache.
            model: The model's name.
            ability: The capability's name.
            newer_than: Seconds since 1970; older findings are ignored.
        """
        query = (
            "SELECT holds FROM abilities WHERE (endpoint, model, ability) = (?, ?, ?) AND at > ?"
        )
        with self._explained(), self._lock:
            row = self._database.execute(query, (endpoint, model, ability, newer_than)).fetchone()
        return None if row is None else bool(row[0])

    def note_ability(self, endpoint: str, model: str, ability: str, holds: bool) -> None:
        """Store whether a model at an endpoint has an ability."""
        row = (endpoint, model, ability, holds, time.time())
        with self._explained(), self._lock, self._transaction():
            self._database.execute("INSERT OR REPLACE INTO abilities VALUES (?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _prepare(self) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise EvollmError(
                f"the cache {self.path} was written by a newer evollm (format {version}, known: "
                f"{VERSION}): upgrade evollm, or {_ELSEWHERE}"
            )
        self._use_wal()
        self._database.execute("PRAGMA synchronous = NORMAL")
        if version < VERSION:
            with self._transaction():
                for statement in _TABLES:
                    self._database.execute(statement)

    def _use_wal(self) -> None:
        # The switch to WAL does not wait for a busy file by itself, hence the loop.
        until = time.monotonic() + _BUSY_S
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as fault:
                if "locked" not in str(fault) or time.monotonic() > until:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # a full disk may have ended the transaction
                self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of the file into an error of one sentence."""
        name, advice = f"the cache {self.path}", f"delete it, or {_ELSEWHERE}"
        try:
            with explained(name, advice, _ELSEWHERE):
                yield
        except OSError as fault:
            raise EvollmError(f"{name} can't be used ({fault.strerror}): {_ELSEWHERE}") from None
        except (KeyError, TypeError, ValueError) as fault:  # from an answer that can't be parsed
            raise damaged(name, fault, advice) from None


def open_cache(path: Path) -> Cache:
    """Return this process's cache at a path, opened on first use."""
    return _open(os.getpid(), path)


@lru_cache(maxsize=16)
def _open(process: int, path: Path) -> Cache:
    return Cache(path)
