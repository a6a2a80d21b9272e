"""A run that was cut, killed or interrupted goes on as if nothing had happened."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, EvollmError, Individual, Offspring, Search, Threads, run
from evollm.algorithms import generational
from evollm.flow import Flow
from evollm.store.record import Record
from evollm.testing import Trial, once
from tests.evollm.parts import Blend, Sphere, Start, best_of, digest, lanes, plain

ROOT = Path(__file__).parents[2]


class Cut(Exception):
    """The power fails."""


def cut_after(n: int) -> Callable[[Any, Individual[Any]], None]:
    seen: list[Individual[Any]] = []

    def callback(under_way: Any, individual: Individual[Any]) -> None:
        seen.append(individual)
        if len(seen) == n:
            raise Cut

    return callback


def outcomes(path: Path) -> list[tuple[Any, ...]]:
    with Record(path, write=False) as record:
        return record.rows(
            "SELECT o.job, place, candidate, fitness, metrics, error, info, genome"
            " FROM outcomes o JOIN candidates c ON c.id = o.candidate ORDER BY o.job, place"
        )


def test_golden_run() -> None:
    found = run(plain(7), Sphere(), budget=Budget(generations=5))
    assert digest(found) == "4f849b0ae19ec80e"


def test_the_hash_seed_changes_nothing() -> None:
    code = (
        "from tests.evollm.parts import *; from evollm import run, Budget;"
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
    assert found == {"4f849b0ae19ec80e"}


@pytest.mark.parametrize("make", [plain, lanes])
def test_a_finished_run_is_only_read(make: Callable[[int], Flow | Search], tmp_path: Path) -> None:
    budget = Budget(evaluations=45)
    first = run(make(3), Sphere(), budget=budget, path=tmp_path)
    tally = tmp_path / "again"
    second = run(make(3), Sphere(str(tally)), budget=budget, path=tmp_path / "other")
    assert len(tally.read_text().split()) == 45
    problem = Sphere()
    again = run(make(3), problem, budget=budget, path=tmp_path)
    assert digest(first) == digest(second) == digest(again)
    assert again.stopped == first.stopped == "the budget of 45 evaluations is spent"
    assert best_of(again) == best_of(first)
    assert again.usage.evaluations == 45
    assert again.usage.generations == first.usage.generations


@pytest.mark.parametrize("make", [plain, lanes])
def test_resume_after_a_cut_anywhere(make: Callable[[int], Flow | Search], tmp_path: Path) -> None:
    budget = Budget(evaluations=30)
    whole = run(make(3), Sphere(), budget=budget, path=tmp_path / "whole")
    for n in range(1, 30):
        path = tmp_path / str(n)
        with pytest.raises(Cut):
            run(make(3), Sphere(), budget=budget, path=path, callbacks=[cut_after(n)])
        found = run(make(3), Sphere(), budget=budget, path=path)
        assert digest(found) == digest(whole), n
        assert outcomes(path) == outcomes(tmp_path / "whole")


@pytest.mark.parametrize("make", [plain, lanes])
def test_resume_at_every_commit(make: Callable[[int], Flow | Search], tmp_path: Path) -> None:
    """One budget after the other cuts the run within every batch."""
    whole = run(make(4), Sphere(), budget=Budget(evaluations=30))
    for n in range(1, 31):
        found = run(make(4), Sphere(), budget=Budget(evaluations=n), path=tmp_path)
        assert found.usage.evaluations == n == len(outcomes(tmp_path))
        again = run(make(4), Sphere(), budget=Budget(evaluations=n))
        assert digest(found) == digest(again)
        assert best_of(found) == best_of(again)
    assert digest(found) == digest(whole)


@pytest.mark.parametrize("name", ["generations", "stagnation"])
def test_a_larger_budget_later_is_a_larger_budget(name: str, tmp_path: Path) -> None:
    def budget(n: int) -> Budget:
        return Budget(**{name: n, "evaluations": 400})

    for n in (2, 3, 6):
        found = run(plain(5), Sphere(), budget=budget(n), path=tmp_path)
        whole = run(plain(5), Sphere(), budget=budget(n))
        assert digest(found) == digest(whole)
        assert found.stopped == whole.stopped
        assert found.usage.generations == whole.usage.generations


def test_asynchronous_lanes_repeat_their_own_log(tmp_path: Path) -> None:
    budget = Budget(evaluations=60)
    found = run(lanes(2), Sphere(pause=0.0005), budget=budget, path=tmp_path, executor=Threads(3))
    again = run(lanes(2), Sphere(), budget=budget, path=tmp_path)
    assert digest(again) == digest(found)
    more = run(lanes(2), Sphere(), budget=Budget(evaluations=80), path=tmp_path)
    once_more = run(lanes(2), Sphere(), budget=Budget(evaluations=80), path=tmp_path)
    assert digest(more) == digest(once_more)
    assert more.usage.evaluations == 80


SCRIPT = """
import sys
from evollm import Budget, Processes, Serial, run
from tests.evollm.parts import *

make = {"plain": plain, "lanes": lanes}[sys.argv[1]]
executor = {"serial": Serial(), "processes": Processes(2)}[sys.argv[2]]
found = run(make(9), Sphere(sys.argv[4], 0.002), budget=Budget(evaluations=150),
            executor=executor, path=sys.argv[3])
print(digest(found))
"""


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_sigkill_at_random_moments(executor: str, tmp_path: Path) -> None:
    """Kill a real process again and again: nothing recorded is done twice, and all is the same."""
    path, rng, kills = tmp_path / "run", random.Random(1), 0
    while True:
        tally = tmp_path / f"tally{kills}"
        command = [sys.executable, "-c", SCRIPT, "plain", executor, str(path), str(tally)]
        known = {row[-1] for row in outcomes(path)} if (path / "run.sqlite").exists() else set()
        tally.write_text("")
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        moment, patience = rng.randint(1, 40), time.monotonic() + 60
        while process.poll() is None and len(tally.read_text().split()) < moment:
            assert time.monotonic() < patience
            time.sleep(0.001)
        if kills == 6 or process.poll() is not None:
            break
        process.kill()
        process.communicate()
        kills += 1
        done = tally.read_text().split()
        assert len(set(done)) == len(done)
        assert not known & {stored(genome) for genome in done}
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert kills > 2
    assert not known & {stored(genome) for genome in tally.read_text().split()}
    whole = run(plain(9), Sphere(), budget=Budget(evaluations=150), path=tmp_path / "whole")
    assert printed.strip() == digest(whole)
    assert outcomes(path) == outcomes(tmp_path / "whole")


def stored(genome: str) -> bytes:
    """Return what the record keeps of a tallied genome."""
    import numpy as np

    from evollm.store.codec import encode

    found = encode(np.frombuffer(bytes.fromhex(genome)))
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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
    assert "once more to leave at once" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in said


def test_another_search_is_refused_by_the_first_job_that_differs(tmp_path: Path) -> None:
    run(plain(1), Sphere(), budget=Budget(evaluations=20), path=tmp_path)
    with pytest.raises(EvollmError, match="job 0, which was vary by Start in step 0, is another"):
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
    with pytest.raises(EvollmError, match="another process is running in"):
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

    with pytest.raises(EvollmError, match="Greedy returned 2 genomes where at most 1 were asked"):
        run(flow(), Sphere(), budget=Budget(evaluations=12), path=tmp_path)
    Greedy.extra = 0
    found = run(flow(), Sphere(), budget=Budget(evaluations=12), path=tmp_path)
    assert found.usage.evaluations == 12


def test_unrecordable_children_leave_the_record_whole(tmp_path: Path) -> None:
    odd: list[Any] = [1, {2}]
    with pytest.raises(EvollmError, match="a genome can't hold a set"):
        run(once(odd), Trial(), path=tmp_path)
    with sqlite3.connect(tmp_path / "run.sqlite") as database:
        assert database.execute("SELECT count(*) FROM candidates").fetchone() == (0,)
    database.close()
