"""The record's tables, and the check that this code can read them."""

import contextlib
import sqlite3

from evollm.errors import EvollmError

VERSION = 2

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,     -- in the order of asking
    lane INTEGER NOT NULL,
    kind TEXT NOT NULL,         -- vary or evaluate
    name TEXT NOT NULL,         -- the operator's or the problem's
    parents TEXT NOT NULL,      -- ids of the candidates drawn or scored, a JSON list
    n INTEGER NOT NULL,
    fidelity INTEGER,
    rung TEXT,                  -- what the fidelity means, in words
    context TEXT,               -- what the problem was told of the job, a JSON object
    seed INTEGER NOT NULL,
    step INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    rejected TEXT,              -- counts by reason, a JSON object
    asked INTEGER,              -- what a model was asked for; NULL if none was
    supplied INTEGER,           -- how much of it the model supplied
    told INTEGER UNIQUE         -- place in the order of answers; NULL while open
);
CREATE TABLE candidates (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES jobs,
    genome NOT NULL,            -- JSON text, or bytes for an array
    parents TEXT,               -- a JSON list; NULL if all of the job's
    note TEXT,
    calls TEXT                  -- keys of the answers it was made of, a JSON list
);
CREATE TABLE outcomes (
    job INTEGER NOT NULL REFERENCES jobs,
    place INTEGER NOT NULL,     -- which of the job's candidates
    candidate INTEGER NOT NULL REFERENCES candidates,
    fitness REAL NOT NULL,
    metrics TEXT,
    error TEXT,
    info TEXT,
    repaired,                   -- genome as the evaluation repaired it; NULL if it stood as it was
    cost REAL NOT NULL DEFAULT 1,    -- in the problem's own unit
    text TEXT,                  -- the genome as people read it, if the system writes it
    bound INTEGER NOT NULL DEFAULT 0,  -- 1 if the evaluation was cut short
    PRIMARY KEY (job, place)
) WITHOUT ROWID;
CREATE TABLE reuses (           -- scores taken over from an equal genome, without an evaluation
    id INTEGER PRIMARY KEY,     -- in their order
    candidate INTEGER NOT NULL REFERENCES candidates,
    source INTEGER NOT NULL REFERENCES candidates,  -- whose score it is
    fidelity INTEGER,
    step INTEGER NOT NULL
);
CREATE TABLE bests (            -- the best of a step, where the flow names one
    step INTEGER PRIMARY KEY,
    candidate INTEGER NOT NULL REFERENCES candidates,
    fitness REAL NOT NULL
);
CREATE TABLE finals (           -- finalists, scored once more after the search
    candidate INTEGER NOT NULL REFERENCES candidates,
    fidelity INTEGER NOT NULL,  -- -1 if the problem has one only
    seed INTEGER NOT NULL,
    fitness REAL NOT NULL,
    metrics TEXT,
    error TEXT,
    info TEXT,
    cost REAL NOT NULL DEFAULT 1,
    bound INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (candidate, fidelity, seed)
) WITHOUT ROWID;
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    key TEXT NOT NULL,
    model TEXT NOT NULL,
    request TEXT NOT NULL,
    answer TEXT,
    error TEXT,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,
    cost REAL,
    cached INTEGER NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX calls_by_job ON calls (job, key);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL,         -- start, resume or stop
    detail TEXT NOT NULL
);
CREATE VIEW lineage AS
    SELECT candidates.id AS child, link.value AS parent, jobs.name AS operator, jobs.step AS step
    FROM candidates JOIN jobs ON jobs.id = candidates.job,
        json_each(coalesce(candidates.parents, jobs.parents)) AS link;
"""


def prepare(connection: sqlite3.Connection, where: str, write: bool) -> None:
    """Create the tables in a new database, or check that this code can read the existing ones.

    A database of an older version can be read: missing columns read as NULL or as their default,
    and missing tables as empty.

    Args:
        connection: To the database.
        where: Its name in error messages.
        write: Whether it will be written to.

    Raises:
        EvollmError: If the database is not a record, has a newer version, or has an older version
            and will be written to.
    """
    try:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise EvollmError(f"{where} is not a readable run record ({error})") from None
    if empty and not write:
        raise EvollmError(f"{where} contains no run yet: start one there first")
    if empty:
        try:
            connection.executescript(f"BEGIN;{TABLES}PRAGMA user_version = {VERSION};COMMIT;")
        except sqlite3.OperationalError as error:
            raise EvollmError(
                f"{where} contains no run and can't be written to ({error}): choose another folder"
            ) from None
    elif 0 < found < VERSION and not write:
        _complete(connection)
    elif found != VERSION:
        raise EvollmError(f"{where} has format {found}, {_fix(found)}")


def _fix(found: int) -> str:
    """Return what to do with a database of another version."""
    if 0 < found < VERSION:
        return (
            f"but this evollm continues runs of format {VERSION} only: read it with evollm show, "
            "and choose a new folder for a new run"
        )
    fix = "update evollm to read it" if found else "it was not made by evollm"
    return f"but this evollm reads format {VERSION}: {fix}"


def _complete(connection: sqlite3.Connection) -> None:
    """Hide the tables of an older database behind temporary views with all columns."""
    with contextlib.closing(sqlite3.connect(":memory:")) as current:
        current.executescript(TABLES)
        tables = {name: _columns(current, name) for name in _tables(current)}
    there = {name: _columns(connection, name) for name in _tables(connection)}
    for name, columns in tables.items():
        known = there.get(name, {})
        listed = ", ".join(
            column if column in known else f"{default or 'NULL'} AS {column}"
            for column, default in columns.items()
        )
        source = f"FROM main.{name}" if known else "WHERE 0"
        connection.execute(f"CREATE TEMP VIEW {name} AS SELECT {listed} {source}")


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name for (name,) in found]


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, str | None]:
    """Return a table's columns, with their defaults as SQL."""
    found = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {name: default for _, name, _, _, default, _ in found}
