"""The record of a run: one SQLite database with every job, candidate, outcome and call."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from evollm.closing import Closing
from evollm.databases import damaged, explained
from evollm.errors import EvollmError
from evollm.ledger import Call
from evollm.paths import anchored, brief
from evollm.store.folder import claim
from evollm.store.notes import Notes, marks
from evollm.store.schema import prepare

FILE = "run.sqlite"
MEND = f"restore a copy, rescue its tables with `sqlite3 {FILE} .recover`, or choose a new folder"


class Record(Notes, Closing):
    """Records a run as it happens, and reads it back; a folder has one writer.

    Rows are collected until ``commit``; committed rows survive the process being killed. Model
    calls are committed immediately. Without a path the record is a temporary file that is deleted
    with this object. All methods may be called from any thread.
    """

    def __init__(self, path: Path | str | None = None, *, write: bool = True) -> None:
        self.path = None if path is None else anchored(path)
        super().__init__()
        self._closed = self._failed = False
        self._guard = claim(self.path) if write and self.path else None
        try:
            with self._safely():
                self._db = self._connect(write)
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def _safely(self) -> Iterator[None]:
        """Hold the database for writing; turn its errors into an error of one sentence."""
        with self._mutex, explained(self._name, MEND):
            try:
                yield
            except (sqlite3.Error, OverflowError):
                self._undo()
                raise

    @property
    def _name(self) -> str:
        return "the temporary record" if self.path is None else str(self.path / FILE)

    def _undo(self) -> None:
        """Roll back a failed transaction, so that closing does not commit part of it."""
        self._failed = True
        with contextlib.suppress(sqlite3.Error, AttributeError):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _connect(self, write: bool) -> sqlite3.Connection:
        """Open the database, in a mode that survives a kill and allows other readers."""
        if self.path is None:
            database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        elif write:
            database = sqlite3.connect(
                self.path / FILE, check_same_thread=False, isolation_level=None, timeout=30
            )
        elif (self.path / FILE).is_file():
            database = sqlite3.connect(f"file:{self.path / FILE}?mode=ro", uri=True, timeout=30)
        else:
            raise EvollmError(
                f"{brief(self.path)} is not a run directory because it has no {FILE}: give the "
                "path of a run"
            )
        try:
            prepare(database, str(self.path), write)
        except EvollmError:
            database.close()
            raise
        if write:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
        return database

    def call(self, job: int, call: Call) -> None:
        """Record a model call, and commit."""
        answer = None if call.answer is None else json.dumps(dict(call.answer))
        request = json.dumps(dict(call.request))
        tokens = (call.prompt_tokens, call.completion_tokens)
        spent = (call.seconds, call.cost, int(call.cached), time.time())
        row = (job, call.key, call.model, request, answer, call.error, *tokens, *spent)
        with self._safely():
            self._begin()
            self._db.execute(
                "INSERT INTO calls (job, key, model, request, answer, error, prompt_tokens,"
                f" completion_tokens, seconds, cost, cached, at) VALUES ({marks(12)})",
                row,
            )
            self._db.execute("COMMIT")

    def event(self, kind: str, detail: str) -> None:
        """Record a stop, a resume or a failure of the whole run, and commit."""
        with self._safely():
            self._begin()
            self._db.execute(
                "INSERT INTO events (at, kind, detail) VALUES (?, ?, ?)",
                (time.time(), kind, detail),
            )
            self.commit()

    def put(self, name: str, value: Any) -> None:
        """Set an entry of the record's head: configuration, versions, working time.

        Raises:
            EvollmError: If the value can't be written as JSON.
        """
        try:
            text = json.dumps(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise EvollmError(
                f"the {name} of a run can't be stored as JSON ({error}): use numbers, strings, "
                "lists and dicts"
            ) from None
        with self._safely():
            self._begin()
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, text))

    def commit(self) -> None:
        """Commit everything recorded so far."""
        with self._safely():
            if self._waiting():
                self._begin()
                self._write(self._db)
            if self._db.in_transaction:
                self._db.execute("COMMIT")

    def together(self) -> AbstractContextManager[object]:
        """Return a context in which no other thread commits."""
        return self._mutex

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def get(self, name: str, default: Any = None) -> Any:
        """Return an entry of the record's head."""
        found = self.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return self.parsed(found[0][0]) if found else default

    def parsed(self, text: str) -> Any:
        """Parse JSON from one of the rows.

        Raises:
            EvollmError: If it is not JSON, because the record is damaged.
        """
        try:
            return json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise self.damaged(error) from None

    def damaged(self, error: object) -> EvollmError:
        """Return the error for invalid rows."""
        return damaged(self._name, error, MEND)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the committed rows of an SQL query; the tables are in ``evollm.store.schema``.

        Raises:
            EvollmError: If the record can't be read, the query is invalid, or the record was
                temporary and is closed.
        """
        with self._mutex, explained(self._name, MEND):
            if self._closed and self.path is None:
                raise EvollmError(
                    "the temporary record is closed: read it before closing, or give the run a path"
                )
            if self._closed:
                with Record(self.path, write=False) as again:
                    return again.rows(query, values)
            return self._db.execute(query, values).fetchall()

    def recall(self, job: int, key: str) -> Call | None:
        """Return the recorded successful call of a job with this key, if any."""
        found = self.rows(
            "SELECT key, model, request, answer, error, prompt_tokens, completion_tokens, seconds,"
            " cost, cached FROM calls WHERE job = ? AND key = ? AND answer IS NOT NULL",
            (job, key),
        )
        if not found:
            return None
        key, model, request, answer, error, prompt, completion, seconds, cost, cached = found[0]
        asked, answered = self.parsed(request), self.parsed(answer)
        tokens = (prompt, completion)
        return Call(key, model, asked, answered, error, *tokens, seconds, cost, bool(cached))

    def close(self) -> None:
        """Commit and release the folder; a record with a path can still be read."""
        if self._closed:
            return
        try:
            if hasattr(self, "_db") and not self._failed:
                self.commit()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Close the files, in whatever state they are."""
        self._closed = True
        if database := getattr(self, "_db", None):
            with contextlib.suppress(
                sqlite3.Error
            ):  # another process may be reading, or the disk may be full
                if self._guard:  # leave a single file, which can be copied and read anywhere
                    database.execute("PRAGMA busy_timeout = 0")
                    database.execute("PRAGMA journal_mode = DELETE")
            database.close()
        if self._guard:
            self._guard.close()
