"""What a kill or a stop costs: one evaluation a worker, however quick those before were."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from evollm import Budget, Serial, Threads, run
from evollm.executors.base import Executor
from evollm.store.record import Record
from evollm.testing import once
from tests.evollm.support_cuts import ROOT

QUICK = 30
SCRIPT = f"""
import sys, time
from evollm import Budget, Offspring, Processes, Serial, Threads, operator, run
from evollm.testing import once

where, path, tally, pause = sys.argv[1:]

def sleep(seconds):
    # In short turns: a signal just before a long one would be handled only after it.
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)

def fitness(genome):
    with open(tally, "a") as file:
        file.write(f"{{genome}}\\n")
    if genome >= {QUICK}:
        sleep(float(pause))
    return float(genome)

class Asking:
    io_bound = where == "waiting"

    def vary(self, parents, n, seed):
        with open(tally, "a") as file:
            file.write("asked\\n")
        sleep(600)

def flow():
    from evollm.search.flow import evaluate, vary
    yield from vary(Asking(), [], 1, seed=0)

def ray():
    from evollm.executors.cluster import Ray
    return Ray(2)

executors = {{"threads": lambda: Threads(2), "processes": lambda: Processes(2), "ray": ray}}
executor = executors.get(where, Serial)()
searched = flow() if where in ("waiting", "here") else once(list(range(60)))
found = run(searched, fitness, executor=executor, path=path)
print(found.stopped, found.usage.evaluations)
"""
WORKERS = {"serial": 1, "threads": 2, "processes": 2, "ray": 2}
RAY = pytest.param("ray", marks=pytest.mark.ray)
EVERYWHERE = ["serial", "threads", "processes", RAY]


class Script:
    """A run in a process of its own, which notes each evaluation when it begins."""

    def __init__(self, where: str, folder: Path, pause: float, cluster: str = "") -> None:
        self.folder = folder
        (folder / "tally").write_text("")
        command = [sys.executable, "-c", SCRIPT, where, str(folder / "run"), str(folder / "tally")]
        self.process = subprocess.Popen(
            [*command, str(pause)],
            cwd=ROOT,
            env={**os.environ, "RAY_ADDRESS": cluster},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begun(self) -> list[str]:
        return (self.folder / "tally").read_text().split()

    def recorded(self) -> int:
        with Record(self.folder / "run", write=False) as record:
            return int(record.rows("SELECT count(*) FROM outcomes")[0][0])

    def wait_for(self, begun: int) -> None:
        patience = time.monotonic() + 100
        while len(self.begun()) < begun:
            assert self.process.poll() is None
            assert time.monotonic() < patience
            time.sleep(0.005)

    def killed(self) -> int:
        """Kill the run a moment later; return how many evaluations have to be repeated."""
        time.sleep(1)
        begun = len(self.begun())
        self.process.kill()
        self.process.communicate()
        return begun - self.recorded()


Begin: TypeAlias = Callable[[str, float], Script]


@pytest.fixture
def begin(tmp_path: Path, request: pytest.FixtureRequest) -> Begin:
    """Return what starts a script; one on Ray joins the tests' cluster, which outlives it."""

    def begin(where: str, pause: float) -> Script:
        if where != "ray":
            return Script(where, tmp_path, pause)
        request.getfixturevalue("ray_session")
        import ray

        return Script(where, tmp_path, pause, ray.get_runtime_context().gcs_address)

    return begin


@pytest.mark.parametrize("where", ["serial", "threads", "processes"])
def test_a_kill_costs_the_evaluations_under_way(where: str, begin: Begin) -> None:
    script = begin(where, 600)
    script.wait_for(QUICK + WORKERS[where])
    assert script.killed() <= WORKERS[where]


@pytest.mark.ray
def test_a_kill_on_ray_costs_the_slow_evaluations_under_way(begin: Begin) -> None:
    script = begin("ray", 3)
    script.wait_for(QUICK + 4)  # by now both have handed over the quick ones before the slow ones
    assert script.killed() <= WORKERS["ray"]


@pytest.mark.parametrize("where", EVERYWHERE)
def test_an_interrupt_waits_for_the_evaluations_under_way(where: str, begin: Begin) -> None:
    script = begin(where, 1.0)
    script.wait_for(QUICK + 3)
    before = len(script.begun())
    script.process.send_signal(signal.SIGINT)
    printed, said = script.process.communicate(timeout=100)
    assert script.process.returncode == 0, said
    after = len(script.begun())
    assert printed.split() == ["interrupted", str(after)]
    assert script.recorded() == after
    assert after <= before + WORKERS[where]


@pytest.mark.parametrize("executor", [Serial(), Threads(2)])
def test_a_budget_of_seconds_waits_for_the_evaluations_under_way(executor: Executor) -> None:
    def fitness(genome: int) -> float:
        time.sleep(0 if genome < QUICK else 0.5)
        return float(genome)

    found = run(once(list(range(80))), fitness, executor=executor, budget=Budget(seconds=1.2))
    assert found.stopped == "the budget of 1.2 seconds is spent"
    assert QUICK < found.usage.evaluations <= QUICK + 3 * executor.workers


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("where", ["waiting", "here", "serial", "threads", RAY])
def test_a_second_signal_leaves_at_once(where: str, number: signal.Signals, begin: Begin) -> None:
    script = begin(where, 600)
    script.wait_for(1 if where in ("waiting", "here") else QUICK + 1)
    script.process.send_signal(number)
    assert script.process.stderr
    # on a busy machine a line about workers that wait for resources comes first
    assert any("interrupt again to stop immediately" in line for line in script.process.stderr)
    script.process.send_signal(number)
    _, said = script.process.communicate(timeout=60)
    assert said.splitlines()[-1] == "KeyboardInterrupt"
    assert script.process.returncode == -signal.SIGINT


def test_an_interrupt_of_the_functions_own_ends_nothing() -> None:
    def fitness(genome: int) -> float:
        if genome % 2:
            raise KeyboardInterrupt
        return float(genome)

    found = run(once(list(range(20))), fitness)
    assert found.stopped == "the algorithm has ended"
    assert (found.usage.evaluations, found.usage.failed) == (20, 10)


@pytest.mark.parametrize("io_bound", [False, True])
def test_whatever_an_operator_raises_passes_through(io_bound: bool) -> None:
    class Odd(BaseException):
        pass

    class Broken:
        def vary(self, parents: Any, n: int, seed: int) -> Any:
            raise Odd

    from evollm.search.flow import vary

    def flow() -> Any:
        yield from vary(kind(), [], 1, seed=0)

    kind: Any = type("Kind", (Broken,), {"io_bound": io_bound})
    with pytest.raises(Odd):
        run(flow(), lambda genome: 0.0)
