"""The record: what it shows, whom it refuses, and what survives."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, EvollmError, Offspring, Outcome, run
from evollm.cli.main import main
from evollm.report.curves import best_so_far
from evollm.report.text import ancestry, summary
from evollm.runtime.result import dataframe
from evollm.search.flow import Flow, evaluate, vary
from evollm.store import queries
from evollm.store.codec import decode, encode
from evollm.store.record import FILE, Record
from evollm.testing import Given, Trial, once
from tests.evollm.runtime.test_budget import Patient, paid
from tests.evollm.support_parts import Sphere, digest, plain
from tests.support_each import each

ROOT = Path(__file__).parents[3]


class Crossed:
    """Makes one child of the first and the last parent, one of the middle parent."""

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
        return Offspring([10, 20], parents=[[0, 2], [1]], notes=["both", None])


def family() -> Flow:
    made = yield from evaluate((yield from vary(Given((1, 2, 3)), [], 3, 0)))
    children = yield from vary(Crossed(), made, 2, 0, step=1)
    children += yield from vary(Given((30,)), made[:2], 1, 0, step=2)
    yield from evaluate(children, fidelity=7, step=2)


def test_lineage_is_a_view(tmp_path: Path) -> None:
    found = run(family(), Trial(), path=tmp_path)
    assert found.record.rows("SELECT * FROM lineage ORDER BY child, parent") == [
        (3, 0, "Crossed", 1),
        (3, 2, "Crossed", 1),
        (4, 1, "Crossed", 1),
        (5, 0, "Given", 2),
        (5, 1, "Given", 2),
    ]
    child = queries.candidate(found.record, 3)
    assert (child.genome, child.parents, child.operator, child.step) == (10, (0, 2), "Crossed", 1)
    assert child.note == "both"
    with pytest.raises(EvollmError, match="the run has no candidate 99"):
        queries.candidate(found.record, 99)


class Rounding:
    """Repairs odd numbers to the next even one."""

    def evaluate(self, genomes: Any, fidelity: int | None, seed: int) -> list[Outcome]:
        return [Outcome(g + g % 2, genome=g + g % 2 if g % 2 else None, cost=3) for g in genomes]


def test_a_repaired_genome_takes_the_place_of_the_candidates(tmp_path: Path) -> None:
    def flow() -> Flow:
        yield from evaluate((yield from vary(Given((1, 2, 5)), [], 3, 0)))

    for _ in range(2):  # the second time out of the record
        found = run(flow(), Rounding(), path=tmp_path, budget=Budget(evaluations=3))
        assert [one.genome for one in found.population] == [2, 2, 6]
        assert [one.outcome.cost for one in found.population] == [3, 3, 3]
        assert found.best.genome == found.candidate(2).genome == 6
        assert found.dataframe()["genome"].tolist() == [2, 2, 6]


def test_the_dataframe_has_a_row_an_evaluation() -> None:
    def fitness(genome: int) -> Any:
        if genome == 2:
            raise ValueError("two")
        return Outcome(float(genome), {"half": genome / 2} if genome > 2 else {})

    table = run(family(), fitness).dataframe()
    assert table["candidate"].tolist() == [0, 1, 2, 3, 4, 5]
    assert table["genome"].tolist() == [1, 2, 3, 10, 20, 30]
    assert table["fitness"].tolist() == [1.0, float("-inf"), 3.0, 10.0, 20.0, 30.0]
    assert table["parents"].tolist() == [(), (), (), (0, 2), (1,), (0, 1)]
    assert table["operator"].tolist() == ["Given"] * 3 + ["Crossed"] * 2 + ["Given"]
    assert table["step"].tolist() == [0, 0, 0, 2, 2, 2]
    assert table["fidelity"].tolist()[3:] == [7, 7, 7]
    assert table["metrics.half"].tolist()[2:] == [1.5, 5.0, 10.0, 15.0]
    assert table["error"].notna().tolist() == [False, True] + [False] * 4


def test_the_dataframe_of_nothing() -> None:
    table = run(plain(1), Sphere(), budget=Budget(evaluations=0)).dataframe()
    assert len(table) == 0
    assert "fitness" in table


def test_a_record_is_read_while_it_is_written(tmp_path: Path) -> None:
    counts: list[int] = []

    def look(under_way: Any, individual: Any) -> None:
        with Record(tmp_path, write=False) as record:
            counts.append(len(dataframe(record)))

    run(plain(1, size=4), Sphere(), budget=Budget(generations=3), path=tmp_path, callbacks=[look])
    assert counts == sorted(counts)
    assert counts[-1] == 16


def test_a_closed_record_can_be_read_and_moved(tmp_path: Path) -> None:
    found = run(once([1, 2]), Trial(), path=tmp_path / "here")
    assert len(found.dataframe()) == 2
    (tmp_path / "here").rename(tmp_path / "there")
    with Record(tmp_path / "there", write=False) as record:
        assert len(dataframe(record)) == 2
    with pytest.raises(EvollmError, match="here is not a run directory because it has no run"):
        found.dataframe()


def test_a_finished_run_is_one_plain_file_that_reading_leaves_alone(tmp_path: Path) -> None:
    run(once([1, 2]), Trial(), path=tmp_path)
    before = sorted(tmp_path.iterdir())
    assert before == [tmp_path / "lock", tmp_path / FILE]
    with Record(tmp_path, write=False) as record:
        with pytest.raises(EvollmError, match=r"can't be used .*readonly"):
            record.rows("DELETE FROM outcomes")
        with pytest.raises(EvollmError, match=r"can't execute the statement .*no such table"):
            record.rows("SELECT * FROM recipes")
        assert len(record.rows("SELECT * FROM outcomes")) == 2
    assert sorted(tmp_path.iterdir()) == before


def test_events_tell_the_history(tmp_path: Path) -> None:
    run(plain(1), Sphere(), budget=Budget(evaluations=3), path=tmp_path)
    found = run(plain(1), Sphere(), budget=Budget(evaluations=9), path=tmp_path)
    assert found.record.rows("SELECT kind, detail FROM events ORDER BY id") == [
        ("start", "a new run"),
        ("stop", "the budget of 3 evaluations is spent"),
        ("resume", "restored 1 jobs and 3 evaluations"),
        ("stop", "the budget of 9 evaluations is spent"),
    ]


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    run(once([1]), Trial(), path=tmp_path)
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    for write in (True, False):
        with pytest.raises(
            EvollmError, match="has format 99, but this evollm reads format 2: update"
        ):
            Record(tmp_path, write=write)


@each("write", [True, False])
def test_a_file_of_something_else_is_refused(write: bool, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database " * 100)
    with pytest.raises(EvollmError, match=r"(holds|is not a) readable run record|no readable"):
        Record(tmp_path, write=write)
    (tmp_path / FILE).unlink()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("CREATE TABLE recipes (name)")
    database.close()
    with pytest.raises(EvollmError, match=r"has format 0, .* it was not made by evollm"):
        Record(tmp_path, write=write)


def test_an_empty_file_is_a_run_that_never_began(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    with pytest.raises(EvollmError, match="contains no run"):
        Record(tmp_path, write=False)
    assert run(once([1]), Trial(), path=tmp_path).fitness == 1.0


def test_places_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EvollmError, match="can't write to the run directory"):
        run(once([1]), Trial(), path=tmp_path / "file")
    with pytest.raises(EvollmError, match="not a run directory"):
        Record(tmp_path / "nowhere", write=False)


def test_a_genome_of_a_script_is_resumed_by_the_script_and_read_by_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from dataclasses import dataclass\n"
        "from evollm import Budget, run\n"
        "from evollm.testing import once\n"
        "@dataclass(frozen=True)\n"
        "class Genome:\n"
        "    value: int\n"
        "genomes = [Genome(i) for i in range(4)]\n"
        "budget = Budget(evaluations=int(sys.argv[1]))\n"
        "found = run(once(genomes), lambda g: g.value, budget=budget, path='run')\n"
        "print(found.best, found.usage.evaluations)\n"
    )
    for n in (2, 4):
        done = subprocess.run(
            [sys.executable, script, str(n)], capture_output=True, text=True, cwd=tmp_path
        )
        assert f"Genome(value={n - 1})" in done.stdout, done.stderr
        assert done.stdout.endswith(f" {n}\n")
    with Record(tmp_path / "run", write=False) as record:
        genomes = dataframe(record)["genome"].tolist()
        assert [genome.value for genome in genomes] == [0, 1, 2, 3]
        assert repr(genomes[1]) == "Genome(value=1)"
        assert encode(genomes[1]) == '{"$class":["__main__","Genome",{"value":1}]}'
        assert queries.candidate(record, 3).genome == genomes[3]
        (stored,) = record.rows("SELECT genome FROM candidates WHERE id = 1")
        with pytest.raises(EvollmError, match=r"__main__\.Genome: run the script that defines it"):
            decode(stored[0])
        with pytest.raises(AttributeError, match="is read-only"):
            genomes[1].value = 2
        with pytest.raises(AttributeError, match="stored Genome has no field 'size'"):
            _ = genomes[1].size
    assert main(["show", str(tmp_path / "run"), "--candidate", "3"]) == 0
    assert "fitness 3, step 0, Given: Genome(value=3)" in capsys.readouterr().out


def fill(under_way: Any, individual: Any) -> None:
    """Let the disk be full once 20 evaluations are on record."""
    if under_way.usage.evaluations >= 20:
        pages = under_way.record.rows("PRAGMA page_count")[0][0]
        under_way.record.rows(f"PRAGMA max_page_count = {pages}")


@each("where", ["run", None])
def test_a_full_disk_is_one_sentence_and_what_was_committed_stays(
    where: str | None, tmp_path: Path
) -> None:
    path = where and tmp_path / where
    with pytest.raises(EvollmError, match="can't grow because the disk is full: free some space"):
        run(plain(1), Sphere(), budget=Budget(evaluations=900), path=path, callbacks=[fill])
    if path is None:
        return
    with Record(path, write=False) as record:
        assert len(record.rows("SELECT * FROM outcomes")) >= 20
    on = run(plain(1), Sphere(), budget=Budget(evaluations=900), path=path)
    assert digest(on) == digest(run(plain(1), Sphere(), budget=Budget(evaluations=900)))


def test_a_full_disk_during_a_call_of_a_model_is_one_sentence_too(tmp_path: Path) -> None:
    flow = paid(Patient(), size=20)
    with pytest.raises(EvollmError, match="can't grow because the disk is full"):
        run(flow, Sphere(), budget=Budget(evaluations=900), path=tmp_path, callbacks=[fill])
    on = run(paid(Patient(), size=20), Sphere(), budget=Budget(evaluations=90), path=tmp_path)
    assert on.usage.evaluations == 90


def readings(path: Path) -> Iterator[Callable[[], object]]:
    for look in (
        dataframe,
        summary,
        best_so_far,
        lambda record: ancestry(record, 40),
        lambda record: queries.candidate(record, 40),
    ):

        def read(look: Callable[[Record], object] = look) -> None:
            with Record(path, write=False) as record:
                look(record)

        yield read
    yield lambda: run(plain(1), Sphere(), budget=Budget(evaluations=70), path=path)


def test_damaged_pages_are_one_sentence_wherever_they_are_read(tmp_path: Path) -> None:
    run(plain(1), Sphere(), budget=Budget(evaluations=60), path=tmp_path / "whole")
    whole = (tmp_path / "whole" / FILE).read_bytes()
    said: list[str] = []
    for seed in range(25):
        rng = random.Random(seed)
        broken = bytearray(whole)
        for _ in range(rng.choice([3, 30, 300])):
            broken[rng.randrange(100, len(broken))] = rng.randrange(256)
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / FILE).write_bytes(broken)
        for read in readings(folder):
            try:
                read()
            except EvollmError as error:  # and nothing else
                said.append(str(error))
    assert any("run.sqlite is damaged (" in one and "restore a copy" in one for one in said)


def test_what_makes_no_sense_is_damage(tmp_path: Path) -> None:
    for change in (
        "UPDATE outcomes SET metrics = '{\"sum\": 0.'",
        "UPDATE outcomes SET cost = -1",
        "UPDATE candidates SET genome = x'0102'",
        "UPDATE candidates SET parents = '[999]' WHERE parents IS NOT NULL OR id > 20",
        "UPDATE outcomes SET info = '[1, '",
        "UPDATE meta SET value = '{' WHERE name = 'versions'",
    ):
        run(plain(1), Sphere(), budget=Budget(evaluations=60), path=tmp_path)
        with sqlite3.connect(tmp_path / FILE) as database:
            database.execute(change)
        database.close()
        with pytest.raises(EvollmError, match="damaged"):
            run(plain(1), Sphere(), budget=Budget(evaluations=70), path=tmp_path)
        (tmp_path / FILE).unlink()


def test_use_after_close_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path, None):
        record = Record(path)
        record.close()
        record.close()
        for use in (
            lambda: record.put("a", 1),  # noqa: B023
            lambda: record.event("stop", "again"),  # noqa: B023
        ):
            with pytest.raises(EvollmError, match="is closed: open it again"):
                use()
    with pytest.raises(EvollmError, match="the temporary record is closed: read it before"):
        record.rows("SELECT * FROM outcomes")
    with Record(tmp_path, write=False) as kept:
        assert kept.rows("SELECT * FROM outcomes") == []


def test_a_head_that_is_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvollmError, match=r"the config of a run can't be stored .*date"):
        run(once([1]), Trial(), config={"day": date(2026, 1, 2)})


def test_no_secret_of_the_environment_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    run(plain(1), Sphere(), budget=Budget(evaluations=20), path=tmp_path)
    for file in tmp_path.iterdir():
        assert b"sk-very-secret" not in file.read_bytes()
