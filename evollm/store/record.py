"""The record of a run: one SQLite database with every job, candidate, outcome and call."""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

from evollm.closing import Closing
from evollm.databases import damaged, explained
from evollm.errors import EvollmError
from evollm.ledger import Call
from evollm.paths import anchored, brief
from evollm.search.fingerprint import written
from evollm.search.flow import Vary
from evollm.search.search import Ticket
from evollm.store.codec import encode
from evollm.store.schema import prepare
from evollm.types import Individual, Offspring, Outcome

try:
    import fcntl
except ImportError:  # there is none on Windows
    fcntl = None  # type: ignore[assignment]

FILE = "run.sqlite"
MEND = f"restore a copy, rescue its tables with `sqlite3 {FILE} .recover`, or choose a new folder"

_AGAIN = "ON CONFLICT DO NOTHING"  # rows whose writing a Ctrl-C cut short are written once more


class Record(Closing):
    """Writes a run down as it happens, and reads it back; a folder has one writer.

    Rows gather until ``commit``; what was committed survives a killed process. Calls of a model
    are committed at once. Without a path the record lives in a temporary file that goes with it.
    All methods may be called from any thread.
    """

    def __init__(self, path: Path | str | None = None, *, write: bool = True) -> None:
        self.path = None if path is None else anchored(path)
        self._mutex = threading.RLock()
        self._closed = self._failed = False
        self._children: list[tuple[Any, ...]] = []
        self._outcomes: list[tuple[Any, ...]] = []
        self._jobs: list[tuple[Any, ...]] = []
        self._told: list[tuple[Any, ...]] = []
        self._finals: list[tuple[Any, ...]] = []
        self._bests: list[tuple[Any, ...]] = []
        self._reuses: list[tuple[Any, ...]] = []
        self._guard = self._claim() if write and self.path else None
        try:
            with self._safely():
                self._db = self._connect(write)
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def _safely(self) -> Iterator[None]:
        """Hold the database to write, and say in one sentence what is wrong if it can't be."""
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
        """Leave a transaction that failed, so that closing does not commit a part of it."""
        self._failed = True
        with contextlib.suppress(sqlite3.Error, AttributeError):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _claim(self) -> IO[str]:
        """Take the folder's lock, which the system releases when the process dies."""
        assert self.path is not None
        if fcntl is None:
            raise EvollmError(
                "a run directory is locked while it is written to, which needs Linux, macOS or WSL:"
                " run evollm there, or without a path"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            guard = (self.path / "lock").open("a")
        except OSError as error:
            raise EvollmError(
                f"can't write to the run directory {brief(self.path)}: {error.strerror}"
            ) from None
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            guard.close()
            raise EvollmError(
                f"another process is running in {brief(self.path)}: wait for it, or choose another "
                "folder"
            ) from None
        return guard

    def _connect(self, write: bool) -> sqlite3.Connection:
        """Open the database, in a mode that survives a kill and lets others read."""
        if self.path is None:
            database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        elif write:
            database = sqlite3.connect(
                self.path / FILE, check_same_thread=False, isolation_level=None, timeout=30
            )
        elif (self.path / FILE).is_file():
            database = sqlite3.connect(f"file:{self.path / FILE}?mode=ro", uri=True, timeout=30)
        else:
            raise EvollmError(f"{brief(self.path)} is not a run directory: it has no {FILE}")
        try:
            prepare(database, str(self.path), write)
        except EvollmError:
            database.close()
            raise
        if write:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
        return database

    def ask(self, ticket: Ticket, name: str, fingerprint: str) -> None:
        """Note a job that has been asked for."""
        job = ticket.job
        rung = context = None
        if isinstance(job, Vary):
            kind, ids, n, fidelity = "vary", [p.id for p in job.parents], int(job.n), None
        else:
            rung = job.rung or None
            context = None if job.context is None else written(job.context)
            kind, ids, n, fidelity = (
                "evaluate",
                [c.id for c in job.candidates],
                len(ticket.answers),
                None if job.fidelity is None else int(job.fidelity),
            )
        row = (
            ticket.id,
            ticket.lane,
            kind,
            name,
            json.dumps(ids),
            n,
            fidelity,
            rung,
            context,
            int(job.seed),
            int(job.step),
            fingerprint,
        )
        with self._mutex:
            self._jobs.append(row)

    def children(self, ticket: Ticket, offspring: Offspring[Any]) -> None:
        """Note a ``Vary`` job's answer; its children get the ids that the ticket reserves."""
        everyone = [parent.id for parent in ticket.job.parents] if offspring.parents else []  # type: ignore[union-attr]
        rows = []
        for i, genome in enumerate(offspring.genomes):
            own = (
                str([everyone[k] for k in offspring.parents[i]])  # ids: JSON as they are
                if offspring.parents
                else None
            )
            note = (
                encode(offspring.notes[i])
                if offspring.notes and offspring.notes[i] is not None
                else None
            )
            calls = json.dumps(list(offspring.calls[i])) if offspring.calls else None
            rows.append((ticket.first + i, ticket.id, encode(genome), own, note, calls))
        with self._mutex:
            self._children += rows

    def outcome(
        self, ticket: Ticket, place: int, candidate: int, outcome: Outcome, text: str | None = None
    ) -> None:
        """Note what the problem found for one place of an ``Evaluate`` job.

        Args:
            ticket: The job.
            place: Which of its candidates.
            candidate: That candidate's id.
            outcome: What was found.
            text: The genome as people read it.
        """
        repaired = None if outcome.genome is None else encode(outcome.genome)
        row = (ticket.id, place, candidate, *_found(outcome))
        with self._mutex:
            self._outcomes.append((*row, repaired, outcome.cost, text, int(outcome.bound)))

    def told(self, ticket: Ticket, order: int, offspring: Offspring[Any] | None = None) -> None:
        """Note that an answer is whole, its place in the order, and what an operator rejected."""
        made = offspring or Offspring([])
        rejected = json.dumps(dict(made.rejected)) if made.rejected else None
        model = (made.asked, made.supplied) if made.asked else (None, None)
        with self._mutex:
            self._told.append((order, rejected, *model, ticket.id))

    def final(self, candidate: int, fidelity: int | None, seed: int, outcome: Outcome) -> None:
        """Note what a finalist scored after the search."""
        head = (candidate, -1 if fidelity is None else fidelity, seed)
        with self._mutex:
            self._finals.append((*head, *_found(outcome), outcome.cost, int(outcome.bound)))

    def reused(self, number: int, individual: Individual[Any], source: int, step: int) -> None:
        """Note a score that a candidate took over from an equal one.

        Args:
            number: Of the reused scores of the run, from 0.
            individual: The candidate with that score.
            source: Id of the candidate that was evaluated.
            step: The flow's step.
        """
        fidelity = None if individual.fidelity is None else int(individual.fidelity)
        with self._mutex:
            self._reuses.append((number, individual.id, source, fidelity, step))

    def best(self, step: int, candidate: int, fitness: float) -> None:
        """Note the individual that the flow named as the best of a step."""
        with self._mutex:
            self._bests.append((step, candidate, fitness))

    def call(self, job: int, call: Call) -> None:
        """Note a call of a model, and commit."""
        answer = None if call.answer is None else json.dumps(dict(call.answer))
        request = json.dumps(dict(call.request))
        tokens = (call.prompt_tokens, call.completion_tokens)
        spent = (call.seconds, call.cost, int(call.cached), time.time())
        row = (job, call.key, call.model, request, answer, call.error, *tokens, *spent)
        with self._safely():
            self._begin()
            self._db.execute(
                "INSERT INTO calls (job, key, model, request, answer, error, prompt_tokens,"
                f" completion_tokens, seconds, cost, cached, at) VALUES ({_marks(12)})",
                row,
            )
            self._db.execute("COMMIT")

    def event(self, kind: str, detail: str) -> None:
        """Note a stop, a resume or a failure of the whole run, and commit."""
        with self._safely():
            self._begin()
            self._db.execute(
                "INSERT INTO events (at, kind, detail) VALUES (?, ?, ?)",
                (time.time(), kind, detail),
            )
            self.commit()

    def put(self, name: str, value: Any) -> None:
        """Set one entry of the record's head: configuration, versions, working time.

        Raises:
            EvollmError: If it can't be written as JSON.
        """
        try:
            text = json.dumps(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise EvollmError(
                f"the {name} of a run can't be kept ({error}): give what JSON can hold"
            ) from None
        with self._safely():
            self._begin()
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, text))

    def commit(self) -> None:
        """Make everything noted so far durable."""
        with self._safely():
            self._flush()
            if self._db.in_transaction:
                self._db.execute("COMMIT")

    def together(self) -> AbstractContextManager[object]:
        """Return a context within which nothing is committed by another thread."""
        return self._mutex

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def _flush(self) -> None:
        """Write the gathered rows within the open transaction."""
        gathered = (
            self._jobs,
            self._children,
            self._outcomes,
            self._told,
            self._bests,
            self._finals,
            self._reuses,
        )
        if not any(gathered):
            return
        self._begin()
        run = self._db.executemany
        run(
            "INSERT OR IGNORE INTO jobs (id, lane, kind, name, parents, n, fidelity, rung, context,"
            f" seed, step, fingerprint) VALUES ({_marks(12)})",
            self._jobs,
        )
        run(
            f"INSERT INTO candidates VALUES ({_marks(6)}) {_AGAIN}",
            self._children,
        )
        run(f"INSERT INTO outcomes VALUES ({_marks(11)}) {_AGAIN}", self._outcomes)
        run(
            "UPDATE jobs SET told = ?, rejected = ?, asked = ?, supplied = ? WHERE id = ?",
            self._told,
        )
        run(f"INSERT OR REPLACE INTO bests VALUES ({_marks(3)})", self._bests)
        run(f"INSERT OR REPLACE INTO finals VALUES ({_marks(9)})", self._finals)
        run(f"INSERT INTO reuses VALUES ({_marks(5)}) {_AGAIN}", self._reuses)
        for rows in gathered:
            rows.clear()

    def get(self, name: str, default: Any = None) -> Any:
        """Return one entry of the record's head."""
        found = self.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return self.parsed(found[0][0]) if found else default

    def parsed(self, text: str) -> Any:
        """Return JSON from one of the rows.

        Raises:
            EvollmError: If it is not JSON: the record is damaged.
        """
        try:
            return json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise self.damaged(error) from None

    def damaged(self, error: object) -> EvollmError:
        """Return the error for rows that make no sense."""
        return damaged(self._name, error, MEND)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the committed rows of an SQL query; the tables are in ``evollm.store.schema``.

        Raises:
            EvollmError: If the record can't be read, or not by this query; or if it was a temporary
                one that is closed.
        """
        with self._mutex, explained(self._name, MEND):
            if self._closed and self.path is None:
                raise EvollmError("the temporary record is closed: read it before, or give a path")
            if self._closed:
                with Record(self.path, write=False) as again:
                    return again.rows(query, values)
            return self._db.execute(query, values).fetchall()

    def recall(self, job: int, key: str) -> Call | None:
        """Return the recorded call of a job with this key, unless it failed."""
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
        """Commit, and release the folder; a record with a path can still be read."""
        if self._closed:
            return
        try:
            if hasattr(self, "_db") and not self._failed:
                self.commit()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Close the files, whatever state they are in."""
        self._closed = True
        if database := getattr(self, "_db", None):
            with contextlib.suppress(sqlite3.Error):  # someone may be reading, or the disk be full
                if self._guard:  # leave one plain file, which can be copied and read anywhere
                    database.execute("PRAGMA busy_timeout = 0")
                    database.execute("PRAGMA journal_mode = DELETE")
            database.close()
        if self._guard:
            self._guard.close()


def _found(outcome: Outcome) -> tuple[float, str | None, str | None, str | bytes | None]:
    """Return an outcome's columns: fitness, metrics, error, info."""
    metrics = json.dumps(dict(outcome.metrics)) if outcome.metrics else None
    info = None if outcome.info is None else encode(outcome.info)
    error = outcome.error and outcome.error.encode(errors="replace").decode()
    return outcome.fitness, metrics, error, info


def _marks(n: int) -> str:
    """Return ``n`` placeholders."""
    return ", ".join("?" * n)
