"""A run that was cut, killed or interrupted goes on as if nothing had happened."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, EvollmError, Offspring, run
from evollm.algorithms import generational
from evollm.search.flow import Flow
from evollm.testing import Trial, once
from tests.evollm.support_cuts import ROOT, SCRIPT, outcomes
from tests.evollm.support_parts import Blend, Sphere, Start, digest, plain
from tests.support_each import each


def test_golden_run() -> None:
    found = run(plain(7), Sphere(), budget=Budget(generations=5))
    assert digest(found) == "6bd6e962cc7c0132"


def test_the_hash_seed_changes_nothing() -> None:
    code = (
        "from tests.evollm.support_parts import *; from evollm import run, Budget;"
        "print(digest(run(plain(7), Sphere(), budget=Budget(generations=5))))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {"6bd6e962cc7c0132"}


@each("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_run_with_the_best_so_far(
    number: signal.Signals, tmp_path: Path
) -> None:
    code = SCRIPT.replace("evaluations=150", "evaluations=10**6").replace(
        "print(digest(found))", "print(found.stopped, found.usage.evaluations, found.fitness)"
    )
    tally = tmp_path / "tally"
    tally.write_text("")
    command = [sys.executable, "-c", code, "plain", "processes", str(tmp_path / "run"), str(tally)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while len(tally.read_text().split()) < 30:
        time.sleep(0.005)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    stopped, evaluations, fitness = printed.split()
    found = outcomes(tmp_path / "run")
    assert stopped == "interrupted"
    assert int(evaluations) == len(found) == len(tally.read_text().split())
    assert float(fitness) == max(row[3] for row in found)


def test_a_second_interrupt_leaves_at_once(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    tally.write_text("")
    code = SCRIPT.replace("0.002", "300")
    command = [sys.executable, "-c", code, "plain", "processes", str(tmp_path / "run"), str(tally)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while len(tally.read_text().split()) < 2:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert "interrupt again to stop immediately" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in said


def test_another_search_is_refused_by_the_first_job_that_differs(tmp_path: Path) -> None:
    run(plain(1), Sphere(), budget=Budget(evaluations=20), path=tmp_path)
    with pytest.raises(
        EvollmError, match="job 0, which was vary by Start in step 0, is a different"
    ):
        run(plain(2), Sphere(), path=tmp_path)
    with pytest.raises(EvollmError, match="job 1, which was evaluate by Sphere in step 0"):
        run(plain(1), Trial(), path=tmp_path)
    with pytest.raises(EvollmError, match="job 2, which was vary by Blend in step 1"):
        run(generational(Start(), Blend(0.5), size=8, seed=1), Sphere(), path=tmp_path)
    with pytest.raises(EvollmError, match="job 0"):
        run(once([1]), Trial(), path=tmp_path)


def test_an_open_job_that_differs_is_noticed(tmp_path: Path) -> None:
    run(plain(1), Sphere(), budget=Budget(evaluations=3), path=tmp_path)
    with pytest.raises(EvollmError, match="job 1, which was evaluate by Sphere in step 0"):
        run(plain(1), lambda genome: 0.0, path=tmp_path)


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    code = (
        "import sys; from evollm.store.record import Record; record = Record(sys.argv[1]);"
        "print('ready', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert holder.stdout
    assert holder.stdout.readline()
    with pytest.raises(EvollmError, match="another process is using"):
        run(once([1]), Trial(), path=tmp_path)
    holder.communicate()
    assert run(once([1]), Trial(), path=tmp_path).fitness == 1.0


def test_a_failed_run_can_be_mended_and_goes_on(tmp_path: Path) -> None:
    class Greedy(Blend):
        extra = 1

        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            return super().vary(parents, n + self.extra, seed)

    def flow() -> Flow:
        return generational(Start(), Greedy(), size=4, seed=1)

    with pytest.raises(EvollmError, match="Greedy returned 2 genomes: return at most the 1"):
        run(flow(), Sphere(), budget=Budget(evaluations=12), path=tmp_path)
    Greedy.extra = 0
    found = run(flow(), Sphere(), budget=Budget(evaluations=12), path=tmp_path)
    assert found.usage.evaluations == 12


def test_unrecordable_children_leave_the_record_whole(tmp_path: Path) -> None:
    odd: list[Any] = [1, {2}]
    with pytest.raises(EvollmError, match="a genome can't contain a set"):
        run(once(odd), Trial(), path=tmp_path)
    with sqlite3.connect(tmp_path / "run.sqlite") as database:
        assert database.execute("SELECT count(*) FROM candidates").fetchone() == (0,)
    database.close()
