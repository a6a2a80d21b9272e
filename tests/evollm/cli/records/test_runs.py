"""The listing of runs: each in a line, in whatever state it is."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evollm.cli.records.runs import COLUMNS, read
from evollm.store.glance import glance
from evollm.store.record import FILE, Record
from tests.evollm.support_terminal import evollm, refusal


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    """A folder with runs in a folder ``runs``, which also has a link to itself."""
    for name in ("hill-0", "hill-1", "random-0"):
        shutil.copytree(recorded / name, tmp_path / "runs" / "deep" / name)
    (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs")
    return tmp_path


def lines(folder: Path, *arguments: object) -> dict[str, str]:
    done = evollm("runs", *arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: line for line in done.stdout.splitlines()[1:] if line}


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path / FILE)) as database, database:
        database.execute(statement)


def test_each_run_is_a_line_with_its_state(folder: Path) -> None:
    deep = folder / "runs" / "deep"
    change(deep / "hill-1", "DELETE FROM events WHERE kind = 'stop'")
    with Record(deep / "random-0", write=False) as record:
        best = -max(fitness for (fitness,) in record.rows("SELECT fitness FROM outcomes"))
    with Record(deep / "hill-0"):
        found = lines(folder)
    assert list(found) == [f"runs/deep/{name}" for name in ("hill-0", "hill-1", "random-0")]
    states = {Path(name).name: line.split()[2] for name, line in found.items()}
    assert states == {"hill-0": "running", "hill-1": "killed", "random-0": "finished"}
    assert found["runs/deep/random-0"].split()[1:7] == [
        "bowl", "finished", f"{best:.6g}", "30", "0", "0"
    ]  # fmt: skip
    for stop, state in (("interrupted", "interrupted"), ("failed: no", "failed")):
        change(deep / "random-0", f"UPDATE events SET detail = '{stop}' WHERE kind = 'stop'")
        assert glance(deep / "random-0").state == state


def test_a_damaged_run_is_a_line_and_a_sentence(folder: Path) -> None:
    deep = folder / "runs" / "deep"
    (deep / "hill-0" / FILE).write_bytes(b"no database" * 100)
    os.truncate(deep / "hill-1" / FILE, 9000)
    done = evollm("runs", folder=folder)
    assert done.returncode == 0
    assert done.stdout.count(" damaged ") == 2
    assert "random-0  bowl" in done.stdout
    assert f"{deep / 'hill-0'} is not a readable run record" in done.stdout


def test_runs_are_sorted_by_a_column(recorded: Path) -> None:
    best = [float(line.split()[3]) for line in lines(recorded, ".", "--sort", "best").values()]
    assert len(best) == 14
    assert best == sorted(best)
    back = list(lines(recorded, ".", "--sort", "run", "--reverse"))
    assert back == sorted(back, reverse=True)
    runs, _ = read(recorded)
    for key in COLUMNS.values():
        assert len(sorted(runs, key=key)) == 14


def test_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    assert "there are no runs" in evollm("runs", folder=tmp_path).stdout
    assert "there are no runs in ." in evollm("runs", ".", folder=tmp_path).stdout
    assert "there is no folder nowhere" in refusal(evollm("runs", "nowhere", folder=tmp_path))
