"""Every algorithm keeps the engine's promises: order, budgets, and resume from anywhere."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, Outcome, Threads, run
from evollm.executors import Ray
from evollm.testing import FlowKit
from evollm.types import Problem
from tests.evollm.algorithms.regimes import ASYNCHRONOUS, REGIMES, problem
from tests.evollm.support_cuts import ROOT, SCRIPT, Cut, cut_after, outcomes, stored
from tests.evollm.support_parts import best_of, digest
from tests.support_each import checks, each

ALL = sorted(REGIMES)


class Asynchronous(FlowKit):
    asynchronous = True


@each("name", sorted({*ALL} - {*ASYNCHRONOUS}))
@each("check", checks(FlowKit))
def test_conformance(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    check((REGIMES[name], problem(name)), tmp_path)


@each("name", sorted(ASYNCHRONOUS))
@each("check", checks(Asynchronous))
def test_conformance_asynchronous(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    check((REGIMES[name], problem(name)), tmp_path)


@each("name", ALL)
def test_a_finished_run_is_only_read(name: str, tmp_path: Path) -> None:
    budget = Budget(evaluations=45)
    first = run(REGIMES[name](3), problem(name), budget=budget, path=tmp_path)
    tally = tmp_path / "again"
    second = run(
        REGIMES[name](3), problem(name, str(tally)), budget=budget, path=tmp_path / "other"
    )
    assert len(tally.read_text().split()) == 45
    unread = tmp_path / "unread"
    again = run(REGIMES[name](3), problem(name, str(unread)), budget=budget, path=tmp_path)
    assert not unread.exists()
    assert digest(first) == digest(second) == digest(again)
    assert again.stopped == first.stopped == "the budget of 45 evaluations is spent"
    assert best_of(again) == best_of(first)
    assert again.usage.evaluations == 45
    assert again.usage.generations == first.usage.generations


@each("name", ALL)
def test_resume_after_a_cut_anywhere(name: str, tmp_path: Path) -> None:
    budget = Budget(evaluations=30)
    whole = run(REGIMES[name](3), problem(name), budget=budget, path=tmp_path / "whole")
    for n in range(1, 30):
        path = tmp_path / str(n)
        with pytest.raises(Cut):
            run(REGIMES[name](3), problem(name), budget=budget, path=path, callbacks=[cut_after(n)])
        found = run(REGIMES[name](3), problem(name), budget=budget, path=path)
        assert digest(found) == digest(whole), n
        assert outcomes(path) == outcomes(tmp_path / "whole")


@each("name", ALL)
def test_resume_at_every_commit(name: str, tmp_path: Path) -> None:
    """One budget after the other cuts the run within every batch."""
    whole = run(REGIMES[name](4), problem(name), budget=Budget(evaluations=30))
    for n in range(1, 31):
        found = run(REGIMES[name](4), problem(name), budget=Budget(evaluations=n), path=tmp_path)
        assert found.usage.evaluations == n == len(outcomes(tmp_path))
        again = run(REGIMES[name](4), problem(name), budget=Budget(evaluations=n))
        assert digest(found) == digest(again)
        assert best_of(found) == best_of(again)
    assert digest(found) == digest(whole)


@each("name", ALL)
@each("limit", ["generations", "stagnation"])
def test_a_larger_budget_later_is_a_larger_budget(name: str, limit: str, tmp_path: Path) -> None:
    def budget(n: int) -> Budget:
        return Budget(**{limit: n, "evaluations": 400})

    for n in (2, 3, 6):
        found = run(REGIMES[name](5), problem(name), budget=budget(n), path=tmp_path)
        whole = run(REGIMES[name](5), problem(name), budget=budget(n))
        assert digest(found) == digest(whole)
        assert found.stopped == whole.stopped
        assert found.usage.generations == whole.usage.generations
        if limit == "generations":
            assert found.usage.generations == n


@each("name", ALL)
def test_workers_change_nothing_but_the_order(name: str, tmp_path: Path) -> None:
    """Ordered flows come to the same with any workers; the others repeat their own log."""
    budget = Budget(evaluations=60)
    found = run(
        REGIMES[name](2),
        problem(name, pause=0.0005),
        budget=budget,
        path=tmp_path,
        executor=Threads(3),
    )
    if name not in ASYNCHRONOUS:
        assert digest(found) == digest(run(REGIMES[name](2), problem(name), budget=budget))
    again = run(REGIMES[name](2), problem(name), budget=budget, path=tmp_path)
    assert digest(again) == digest(found)
    more = run(REGIMES[name](2), problem(name), budget=Budget(evaluations=80), path=tmp_path)
    once_more = run(REGIMES[name](2), problem(name), budget=Budget(evaluations=80), path=tmp_path)
    assert digest(more) == digest(once_more)
    assert more.usage.evaluations == 80


@pytest.fixture(scope="module")
def replicas(ray_session: None) -> Iterator[Ray]:
    """Two replicas that serve one run after the other."""
    with Ray(2) as executor:
        yield executor


@pytest.mark.ray
@each("name", ALL)
def test_on_ray(name: str, replicas: Ray, tmp_path: Path) -> None:
    budget = Budget(evaluations=40)
    found = run(REGIMES[name](2), problem(name), budget=budget, path=tmp_path, executor=replicas)
    assert found.usage.evaluations == 40
    assert digest(run(REGIMES[name](2), problem(name), budget=budget, path=tmp_path)) == digest(
        found
    )
    if name not in ASYNCHRONOUS:
        assert digest(found) == digest(run(REGIMES[name](2), problem(name), budget=budget))


@pytest.mark.parametrize("name", ALL)
def test_sigkill_at_random_moments(name: str, tmp_path: Path) -> None:
    kill_and_resume(name, "serial", tmp_path, 3)


def test_sigkill_with_child_processes(tmp_path: Path) -> None:
    kill_and_resume("plain", "processes", tmp_path, 5)


def kill_and_resume(name: str, executor: str, tmp_path: Path, most: int) -> None:
    """Kill a real process again and again: nothing recorded is done twice, and all is the same."""
    path, rng, kills = tmp_path / "run", random.Random(1), 0
    while True:
        tally = tmp_path / f"tally{kills}"
        command = [sys.executable, "-c", SCRIPT, name, executor, str(path), str(tally)]
        known = {row[-1] for row in outcomes(path)} if (path / "run.sqlite").exists() else set()
        tally.write_text("")
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        moment, patience = rng.randint(1, 40), time.monotonic() + 60
        while process.poll() is None and len(tally.read_text().split()) < moment:
            assert time.monotonic() < patience
            time.sleep(0.001)
        if kills == most or process.poll() is not None:
            break
        process.kill()
        process.communicate()
        kills += 1
        done = tally.read_text().split()
        if name != "racing":  # which scores the same genomes again, at another fidelity
            assert len(set(done)) == len(done)
            assert not known & {stored(genome) for genome in done}
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert kills > 1
    whole = run(
        REGIMES[name](9), problem(name), budget=Budget(evaluations=150), path=tmp_path / "whole"
    )
    assert printed.strip() == digest(whole)
    assert outcomes(path) == outcomes(tmp_path / "whole")


@each("name", ALL)
def test_failed_evaluations_are_survived(name: str) -> None:
    found = run(REGIMES[name](6), Fragile(problem(name)), budget=Budget(evaluations=120))
    assert found.usage.failed > 0
    assert found.usage.evaluations == 120
    assert found.fitness > -1


@dataclass(frozen=True)
class Fragile:
    """Breaks on a fifth of all genomes."""

    problem: Problem[Any]

    def evaluate(self, genomes: Sequence[Any], fidelity: Any, seed: int) -> Sequence[Outcome]:
        if any(genome.tobytes()[0] % 5 == 0 for genome in genomes):
            raise ValueError("an unlucky genome")
        return self.problem.evaluate(genomes, fidelity, seed)
