"""The schema: records of older versions are read, and continued by none."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from evollm import Budget, EvollmError, run
from evollm.cli.main import main
from evollm.report.curves import best_so_far
from evollm.report.text import ancestry, summary
from evollm.runtime.result import dataframe
from evollm.store import queries, rows
from evollm.store.record import FILE, Record
from tests.evollm.support_parts import Sphere, plain

VERSION_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,     -- in the order of asking
    lane INTEGER NOT NULL,
    kind TEXT NOT NULL,         -- vary or evaluate
    name TEXT NOT NULL,         -- the operator's or the problem's
    parents TEXT NOT NULL,      -- ids of the candidates drawn or scored, a JSON list
    n INTEGER NOT NULL,
    fidelity INTEGER,
    seed INTEGER NOT NULL,
    step INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    rejected TEXT,              -- counts by reason, a JSON object
    told INTEGER UNIQUE         -- place in the order of answers; NULL while open
);
CREATE TABLE candidates (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES jobs,
    genome NOT NULL,            -- JSON text, or bytes for an array
    parents TEXT,               -- a JSON list; NULL if all of the job's
    note TEXT
);
CREATE TABLE outcomes (
    job INTEGER NOT NULL REFERENCES jobs,
    place INTEGER NOT NULL,     -- which of the job's candidates
    candidate INTEGER NOT NULL REFERENCES candidates,
    fitness REAL NOT NULL,
    metrics TEXT,
    error TEXT,
    info TEXT,
    PRIMARY KEY (job, place)
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
PRAGMA user_version = 1;
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a run directory as version 1 would have left it."""
    path = tmp_path / "old"
    path.mkdir()
    run(plain(3), Sphere(), budget=Budget(evaluations=20), path=tmp_path / "new", config={"a": 1})
    database = sqlite3.connect(path / FILE)
    database.executescript(VERSION_1)
    database.execute("ATTACH ? AS new", (str(tmp_path / "new" / FILE),))
    for table in ("meta", "jobs", "candidates", "outcomes", "calls", "events"):
        columns = ", ".join(
            name for _, name, *_ in database.execute(f"PRAGMA main.table_info({table})")
        )
        database.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    database.commit()
    database.close()
    return path


def test_an_older_record_is_read(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Record(old, write=False) as record:
        assert record.rows("PRAGMA user_version") == [(1,)]
        spent = queries.usage(record)
        assert (spent.evaluations, spent.failed, spent.bounds, spent.memo) == (20, 0, 0, 0)
        found = queries.best(record)
        assert found is not None
        assert found[1] == max(rows.fitnesses(record)) == best_so_far(record)[-1]
        assert "20 evaluations" in summary(record)
        assert f"{found[0]}: fitness" in ancestry(record, found[0])
        individuals = list(queries.individuals(record))
        assert len(individuals) == len(dataframe(record)) == 20
        assert {one.outcome.cost for one in individuals} == {1.0}
    before = (old / FILE).read_bytes()
    assert main(["show", str(old)]) == 0
    assert "20 evaluations" in capsys.readouterr().out
    assert main(["show", str(old), "--candidate", str(found[0])]) == 0
    assert (old / FILE).read_bytes() == before


def test_an_older_record_is_not_continued(old: Path) -> None:
    before = (old / FILE).read_bytes()
    with pytest.raises(EvollmError) as caught:
        run(plain(3), Sphere(), budget=Budget(evaluations=30), path=old)
    assert "has format 1, but this evollm continues" in str(caught.value)
    assert "choose a new folder" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (old / FILE).read_bytes() == before


def test_without_file_locks_a_run_directory_is_refused_in_one_sentence(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from evollm import Budget, EvollmError, run\n"
        "from tests.evollm.support_parts import Sphere, plain\n"
        "print(run(plain(1), Sphere(), budget=Budget(evaluations=3)).usage.evaluations)\n"
        "try:\n"
        "    run(plain(1), Sphere(), budget=Budget(evaluations=3), path=sys.argv[1])\n"
        "except EvollmError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    count, sentence = done.stdout.splitlines()
    assert count == "3"
    assert "Linux, macOS or WSL" in sentence
    assert not (tmp_path / "run").exists()
