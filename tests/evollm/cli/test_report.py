"""``evollm report`` and ``evollm watch``, as a user calls them."""

import signal
import sqlite3
from pathlib import Path
from urllib.request import urlopen

import pytest

from evollm import Budget, Outcome, operator, run
from evollm.algorithms import Mating, generational
from evollm.executors.base import Serial
from evollm.runtime.loop import begin
from evollm.search.flow import Flow
from evollm.store.record import FILE, Record
from tests.evollm.support_terminal import evollm, refusal, start
from tests.support_each import each


class Ones:
    """Counts ones."""

    elementwise = True

    def evaluate(self, genomes: list[list[int]], fidelity: None, seed: int) -> list[Outcome]:
        return [Outcome(float(sum(genome))) for genome in genomes]


def flow() -> Flow:
    @operator
    def fresh(parents, rng):  # type: ignore[no-untyped-def]
        return rng.integers(0, 2, 6).tolist()

    @operator
    def flip(parents, rng):  # type: ignore[no-untyped-def]
        child = list(parents[0])
        child[rng.integers(6)] ^= 1
        return child

    return generational(fresh, Mating(flip, arity=1), size=5, seed=1)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ended") / "run"
    run(flow(), Ones(), budget=Budget(evaluations=30), path=path)
    return path


def test_the_page_goes_to_the_run_directory_or_another_file(ended: Path, tmp_path: Path) -> None:
    done = evollm("report", ended, folder=tmp_path)
    assert done.stdout == f"{ended / 'report.html'}\n"
    assert evollm("report", ended, "--out", "new.html", folder=tmp_path).stdout == "new.html\n"
    pages = [file.read_text() for file in (ended / "report.html", tmp_path / "new.html")]
    assert pages[0] == pages[1]
    spent = "the budget of 30 evaluations is spent"
    for text in ("Best fitness so far", "Distinct genomes", "Spread of the genomes", spent):
        assert text in pages[0]


def test_a_run_under_way_or_broken_off_is_said(tmp_path: Path) -> None:
    with Record(tmp_path / "run") as record:
        under_way = begin(flow(), Ones(), Serial(), record, {}, Budget(evaluations=10))
        record.commit()
        assert evollm("report", "run", folder=tmp_path).returncode == 0
        assert "The run goes on." in (tmp_path / "run/report.html").read_text()
        assert under_way.best is None
    assert evollm("report", "run", folder=tmp_path).returncode == 0
    page = (tmp_path / "run/report.html").read_text()
    assert "The run was broken off: the same call, or evollm resume run, continues it." in page
    assert "0 evaluations" in page


def _without(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.mkdir()
    (path / FILE).touch()


def _cut(path: Path) -> None:
    path.mkdir()
    (path / FILE).write_bytes(b"SQLite format 3\0" + b"x" * 5000)


def _damaged(path: Path) -> None:
    run(flow(), Ones(), budget=Budget(evaluations=5), path=path)
    database = sqlite3.connect(path / FILE)
    database.execute("UPDATE jobs SET name = x'00'")
    database.commit()
    database.close()


@each("made, sentence", [
    (lambda path: None, "run is not a run directory because it has no run.sqlite"),
    (_without, "run is not a run directory because it has no run.sqlite"),
    (_empty, "contains no run yet: start one there first"),
    (_cut, "is not a readable run record"),
    (_damaged, "is damaged"),
], ids=["nowhere", "no run", "empty", "cut", "damaged"])  # fmt: skip
def test_what_is_no_run_is_one_sentence(made, sentence, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made(tmp_path / "run")
    assert sentence in refusal(evollm("report", "run", folder=tmp_path))
    assert not (tmp_path / "run/report.html").exists()


def test_places_that_cannot_be_used_are_refused(ended: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    done = evollm("report", ended, "--out", "taken", folder=tmp_path)
    assert "can't write the page taken (Is a directory)" in refusal(done)
    done = evollm("watch", ended, "--port", 70000, folder=tmp_path)
    assert "the port must be 0 to 65535" in refusal(done)
    assert "no run.sqlite" in refusal(evollm("watch", "taken", folder=tmp_path))


def test_watch_serves_the_page_until_an_interrupt(ended: Path, tmp_path: Path) -> None:
    process = start("watch", ended, folder=tmp_path)
    try:
        assert process.stdout
        with urlopen(process.stdout.readline().strip(), timeout=60) as answer:
            assert b"30 evaluations" in answer.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, "")
    assert err.splitlines()[-1] == "ended"
    assert "Traceback" not in err
