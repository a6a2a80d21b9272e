"""Every executor keeps the same contract, and leads to the same population."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, EvollmError, Outcome, Processes, Serial, Threads, run
from evollm.executors import Ray
from evollm.executors.base import Chunk, Executor, Scores
from evollm.testing import ExecutorKit, Trial, once
from evollm.testing.trials import Prepared
from tests.evollm.algorithms.regimes import steady
from tests.evollm.support_parts import Deadly, Sphere, digest, plain
from tests.support_each import checks, each

ROOT = Path(__file__).parents[3]


@each("make", [Serial, lambda: Threads(3)], ids=["serial", "threads"])
@each("check", checks(ExecutorKit))
def test_executors_in_this_process_conform(
    check: Callable[..., None], make: Callable[[], Executor], tmp_path: Path
) -> None:
    check(make(), tmp_path)


class TestProcesses(ExecutorKit):
    @pytest.fixture
    def executor(self) -> Executor:
        return Processes(2)


@pytest.fixture
def replicas(ray_session: None) -> Iterator[Executor]:
    """Two replicas that serve one run after the other."""
    with Ray(2) as executor:
        yield executor


@pytest.mark.ray
@each("check", checks(ExecutorKit))
def test_ray_conforms(check: Callable[..., None], replicas: Executor, tmp_path: Path) -> None:
    check(replicas, tmp_path)


@pytest.mark.ray
def test_every_executor_finds_the_same(ray_session: None) -> None:
    budget = Budget(evaluations=53)
    executors: list[Executor] = [Serial(), Threads(3), Processes(2), Ray(2)]
    found = {digest(run(plain(5), Sphere(), budget=budget, executor=one)) for one in executors}
    assert len(found) == 1


@pytest.mark.parametrize(("genome", "how"), [("exit", "exit code 7"), ("crash", "SIGSEGV")])
def test_a_dead_process_costs_one_evaluation(genome: str, how: str) -> None:
    found = run(once([1, genome, 2, 3]), Deadly(), executor=Processes(2))
    assert [one.fitness for one in found.population] == [1.0, -inf, 2.0, 3.0]
    assert how in (found.population[1].error or "")
    assert (found.usage.evaluations, found.usage.failed) == (4, 1)


def test_a_process_that_takes_too_long_is_killed() -> None:
    found = run(once([1, "sleep", 2]), Deadly(), executor=Processes(2, seconds=1.0))
    assert [one.fitness for one in found.population] == [1.0, -inf, 2.0]
    assert found.population[1].error == "time limit of 1.0 s passed"


@pytest.mark.parametrize("where", ["processes", pytest.param("ray", marks=pytest.mark.ray)])
def test_preparing_is_outside_the_time_limit(where: str, request: pytest.FixtureRequest) -> None:
    if where == "ray":
        request.getfixturevalue("ray_session")
    executor = (Ray if where == "ray" else Processes)(1, seconds=1.0)
    found = run(once([1, 2]), Prepared(pause=1.5), executor=executor)
    assert [one.fitness for one in found.population] == [1.0, 1.0]


class Unready:
    """A problem whose data are in this process only."""

    def __init__(self) -> None:
        self.home = os.getpid()

    def prepare(self) -> None:
        if os.getpid() != self.home:
            raise FileNotFoundError("no data here")

    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
        return [Outcome(0.0) for _ in genomes]


def test_a_worker_that_cannot_prepare_the_problem_says_why() -> None:
    with pytest.raises(EvollmError, match=r"process can't prepare the problem: .*no data here"):
        run(once([1]), Unready(), executor=Processes(1))


@pytest.mark.ray
def test_ray_survives_death_and_time_limits(ray_session: None) -> None:
    with Ray(1, seconds=1.0) as executor:
        found = run(once([1, "exit", "sleep", 2]), Deadly(), executor=executor)
    assert [one.fitness for one in found.population] == [1.0, -inf, -inf, 2.0]
    assert "the worker died" in (found.population[1].error or "")
    assert found.population[2].error == "time limit of 1.0 s passed"


@pytest.mark.ray
def test_ray_leaves_a_session_alone_that_it_did_not_start(ray_session: None) -> None:
    import ray

    run(once([1]), Trial(), executor=Ray(1))
    assert ray.is_initialized()
    with pytest.raises(EvollmError, match="room for 2 replicas of 1 CPU and 0 GPU, not for 5"):
        run(once([1]), Trial(), executor=Ray(5))


@pytest.fixture
def crowded(ray_session: None) -> Iterator[None]:
    """Somebody else's actor holds both processors of the session."""
    import ray

    class Other:
        def greet(self) -> None:
            pass

    other: Any = ray.remote(Other).options(num_cpus=2).remote()
    ray.get(other.greet.remote())
    yield
    ray.kill(other)


@pytest.mark.ray
def test_ray_says_when_it_has_no_place_for_a_worker_and_gives_up(
    crowded: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evollm.executors.replicas._PATIENCE", 0.1)
    missing = "2 Ray workers wait for resources: each needs 1 CPU and 0 GPU, but only 0 CPU"
    with pytest.raises(
        EvollmError, match=f"{missing} and 0 GPU are free, after 1 s: stop other work"
    ):
        run(once([1]), Trial(), executor=Ray(2, placement_timeout=1))
    said = [one.getMessage() for one in caplog.records if missing in one.getMessage()]
    assert said == [f"{missing} and 0 GPU are free; waiting at most 1 s"]


@pytest.mark.ray
def test_what_cannot_come_back_from_ray_fails_alone_or_is_left_out(
    ray_session: None, caplog: pytest.LogCaptureFixture
) -> None:
    def odd(genome: int) -> Any:
        import threading

        lock = threading.Lock()
        more = {2: {"genome": lock}, 3: {"info": lock}}.get(genome, {})
        return Outcome(float(genome), **more)

    found = run(once([1, 2, 3]), odd, executor=Ray(1))
    assert [one.fitness for one in found.population] == [1.0, -inf, 3.0]
    assert "can't be sent back" in (found.population[1].error or "")
    assert found.population[2].outcome.info is None
    assert "is dropped because it contains a value of type lock" in caplog.text


class Late(Threads):
    """Threads that take two seconds to start."""

    def start(self, problem: Any) -> None:
        time.sleep(2)
        super().start(problem)


def test_starting_the_workers_is_no_working_time() -> None:
    found = run(once([1]), Trial(), executor=Late(1), budget=Budget(seconds=1.9))
    assert found.stopped == "the algorithm has ended"
    assert 0 < found.usage.seconds < 1.9


class Mute(BaseException):
    """An exception that can't say what it is about."""

    def __str__(self) -> str:
        raise Mute


@pytest.mark.parametrize("executor", [Serial(), Threads(2), Processes(1)])
def test_a_hostile_exception_is_a_failure_like_any_other(executor: Executor) -> None:
    def fitness(genome: int) -> float:
        if genome == 2:
            raise Mute
        return float(genome)

    found = run(once([1, 2, 3]), fitness, executor=executor)
    assert [one.fitness for one in found.population] == [1.0, -inf, 3.0]
    assert "Mute: (its message can't be read)" in (found.population[1].error or "")


@each("executor", [Serial(), Threads(2), Processes(2)])
def test_a_wrong_number_of_outcomes_ends_the_run(executor: Executor) -> None:
    with pytest.raises(EvollmError, match=r"Short.evaluate returned 2 outcomes for 3 genomes"):
        run(once([1, 2, 3]), Short(), executor=_whole(executor))


class Short:
    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
        return [Outcome(0.0)] * (len(genomes) - 1)


def _whole(executor: Executor) -> Executor:
    if not isinstance(executor, Serial):
        executor.workers = 1
    return executor


def test_limits_and_numbers_of_workers_must_make_sense() -> None:
    with pytest.raises(EvollmError, match="at least one worker, not 0"):
        Threads(0)
    with pytest.raises(EvollmError, match="must be positive, not 0"):
        Processes(1, seconds=0)
    with pytest.raises(EvollmError, match="must be positive"):
        Ray(1, seconds=float("nan"))


def test_a_problem_that_cannot_travel_is_refused() -> None:
    class Locked(Trial):
        def __reduce__(self) -> Any:
            raise TypeError("cannot pickle a lock")

    with pytest.raises(EvollmError, match="Locked can't be sent to a worker process"):
        run(once([1]), Locked(), executor=Processes(1))


def test_what_cannot_come_back_fails_alone() -> None:
    def odd(genome: int) -> Any:
        return Outcome(float(genome), genome=threading.Lock() if genome == 2 else None)

    found = run(once([1, 2, 3]), odd, executor=Processes(1))
    assert [one.fitness for one in found.population] == [1.0, -inf, 3.0]
    assert "can't be sent back" in (found.population[1].error or "")


def test_a_problem_cannot_read_or_spoil_the_protocol() -> None:
    def noisy(genome: int) -> float:
        print("noise on standard output")
        subprocess.run(["cat"], check=True)
        subprocess.run(["echo", "more noise"], check=True)
        return float(genome)

    found = run(once([1, 2]), noisy, executor=Processes(1, seconds=60))
    assert [one.fitness for one in found.population] == [1.0, 2.0]


def test_children_are_not_forked_and_not_left_behind() -> None:
    def look(genome: int) -> Any:
        import os

        return 0.0, [os.getpid(), os.getsid(0), "pytest" in sys.modules]

    found = run(once([1, 2]), look, executor=Processes(2))
    for one in found.population:
        child, session, inherited = one.outcome.info
        assert child == session != os.getpid()
        assert not inherited
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


SCRIPT = """
import os
import sys
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from evollm import EvollmError, Processes, run
from evollm.executors import Ray
from evollm.testing import once

@dataclass(frozen=True)
class Genome:
    value: int

def double(genome):
    assert isinstance(genome, Genome)
    assert "HARMLESS" in os.environ and "OPENAI_API_KEY" not in os.environ
    return 2.0 * genome.value

def main(executor, started):
    with executor if started else nullcontext():
        for problem in (double, lambda genome: 2 * double(genome) / 2):
            found = run(once([Genome(1), Genome(2)]), problem, executor=executor)
            print([one.fitness for one in found.population], found.population[0].error)
    if started:
        import ray
        print(ray.is_initialized())
        try:
            run(once([1]), double, executor=Ray(999))
        except EvollmError as error:
            print("not for 999" in str(error), ray.is_initialized())

if __name__ == "__main__":
    main(*{"processes": (Processes(1), False), "ray": (Ray(1), True)}[sys.argv[1]])
"""


def script(kind: str, folder: Path) -> list[str]:
    file = folder / "script.py"
    file.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(file), kind],
        env={**os.environ, "OPENAI_API_KEY": "hidden", "HARMLESS": "seen"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_a_script_defines_travels_to_processes(tmp_path: Path) -> None:
    assert script("processes", tmp_path) == ["[2.0, 4.0] None"] * 2


@pytest.mark.ray
def test_what_a_script_defines_travels_by_ray_which_ends_when_it_ends(tmp_path: Path) -> None:
    assert script("ray", tmp_path) == ["[2.0, 4.0] None"] * 2 + ["False", "True False"]


class Watched(Threads):
    """Threads that note the largest chunk and how many are under way."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.sizes: list[int] = []

    def submit(self, chunk: Chunk, done: Callable[[Chunk, Scores | EvollmError], None]) -> None:
        self.sizes.append(len(chunk.genomes))
        super().submit(chunk, done)


def test_a_whole_batch_is_cut_only_among_workers() -> None:
    executor = Watched(3)
    run(once(list(range(9))), Trial(elementwise=False), executor=executor)
    assert executor.sizes == [3, 3, 3]


def test_a_straggler_of_a_closed_executor_takes_no_later_work() -> None:
    import threading

    gate = threading.Event()

    def slow(genome: int) -> float:
        gate.wait(60)
        return -1.0

    class Stop(Exception):
        pass

    def leave(under_way: Any, individual: Any) -> None:
        raise Stop

    executor = Threads(2)
    with pytest.raises(Stop):
        run(once([0, 1]), lambda genome: slow(genome) if genome else 0.0, executor=executor,
            callbacks=[leave])  # fmt: skip
    found = run(
        once(list(range(50))), Trial(), executor=executor, callbacks=[lambda *_: gate.set()]
    )
    assert [one.fitness for one in found.population] == [float(i) for i in range(50)]


def test_lanes_on_threads_end_at_the_budget() -> None:
    found = run(steady(1), Sphere(), budget=Budget(evaluations=41), executor=Threads(3))
    assert found.usage.evaluations == 41
