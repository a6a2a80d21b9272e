"""A run: what it survives, what it refuses, and what it says."""

import threading
from dataclasses import dataclass, field
from math import inf, nan
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from evollm import Budget, EvollmError, Individual, Offspring, Outcome, Search, Threads, run
from evollm.algorithms import generational
from evollm.search.flow import Evaluate, Flow, Vary, evaluate, together, vary
from evollm.testing import Given, Trial, once
from tests.evollm.algorithms.regimes import steady
from tests.evollm.support_parts import Blend, Sphere, Start, digest, plain
from tests.support_each import each


def test_operators_that_wait_run_several_at_once_but_not_all() -> None:
    barrier = threading.Barrier(4)
    began: list[int] = []

    class Slow(Blend):
        io_bound = True

        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            began.append(seed)
            barrier.wait(timeout=60)
            return super().vary(parents, n, seed)

    flow = generational(Start(), Slow(), size=32, seed=1)
    found = run(flow, Sphere(), budget=Budget(generations=1))
    assert found.usage.evaluations == 64
    assert len(began) == 32


def test_a_stop_does_not_wait_for_work_that_has_not_begun() -> None:
    began: list[int] = []
    held = threading.Event()

    class Slow(Blend):
        io_bound = True

        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            began.append(seed)
            held.wait(60)
            return super().vary(parents, n, seed)

    class Stop:
        def __call__(self, under_way: Any, individual: Individual[Any]) -> None:
            pass

        def tick(self, under_way: Any) -> None:
            if under_way.active:
                under_way.stop("enough")
                held.set()

    flow = generational(Start(), Slow(), size=50, seed=1)
    found = run(flow, Sphere(), callbacks=[Stop()])
    assert found.stopped == "enough"
    assert len(began) <= 8


def test_the_flow_may_come_to_its_end() -> None:
    found = run(once([3, 1]), Trial())
    assert found.stopped == "the algorithm has ended"
    assert found.reasons == {}
    assert [one.fitness for one in found.population] == [3.0, 1.0]
    assert run(once([]), Trial()).population == []


def test_callbacks_see_each_evaluation_once_and_may_stop(tmp_path: Path) -> None:
    seen: list[int] = []

    def callback(under_way: Any, individual: Individual[Any]) -> None:
        seen.append(individual.id)
        if len(seen) % 5 == 0:
            under_way.stop()

    stops = []
    for _ in range(4):
        found = run(plain(1), Sphere(), callbacks=[callback], path=tmp_path,
                    budget=Budget(evaluations=18))  # fmt: skip
        stops.append(found.stopped)
    assert stops[0] == "a callback stopped the run"
    assert stops[-1] == "the budget of 18 evaluations is spent"
    assert seen == list(range(18))


def test_what_fails_is_recorded_and_survived() -> None:
    def fitness(genome: Any) -> float:
        if genome[0] > 0.3:
            raise ValueError("too  far\nout")
        return nan if genome[1] > 0.3 else -float(genome @ genome)

    found = run(plain(1), fitness, budget=Budget(generations=6))
    table = found.dataframe()
    assert found.usage.failed == table["error"].notna().sum() > 0
    assert set(table["fitness"][table["error"].notna()]) == {-inf}
    assert any("ValueError: too far out (test_run.py:" in str(one) for one in table["error"])
    assert "the fitness is NaN" in set(table["error"])
    assert all(one.error is None for one in found.population)


def test_on_error_raise_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(EvollmError, match="an evaluation failed: ValueError: a bad genome"):
        run(once([1, "raise", 2]), Trial(), on_error="raise", path=tmp_path)
    found = run(once([1, "raise", 2]), Trial(), path=tmp_path)
    assert found.usage.evaluations == 3
    with pytest.raises(EvollmError, match="on_error must be 'record' or 'raise', not 'ignore'"):
        run(once([1]), Trial(), on_error="ignore")  # type: ignore[arg-type]


def test_only_failures_are_an_error() -> None:
    with pytest.raises(
        EvollmError, match=r"all of the first \d+ evaluations failed, the last with"
    ):
        run(once(["raise"] * 12), Trial())
    with pytest.raises(EvollmError, match="all 3 evaluations failed, the last with: ValueError: a"):
        run(once(["raise"] * 3), Trial())
    assert run(once(["raise"] * 3 + [1]), Trial()).fitness == 1


def test_a_problem_may_end_the_run() -> None:
    def fitness(genome: Any) -> float:
        raise EvollmError("the data set is missing: run make data")

    with pytest.raises(EvollmError, match="the data set is missing: run make data"):
        run(once([1]), fitness)


@each("io_bound", [False, True])
@each("error", [RuntimeError("a bug"), SystemExit(3)])
def test_what_an_operator_raises_passes_through(io_bound: bool, error: BaseException) -> None:
    class Broken(Blend):
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            raise error

    kind = type("Waiting", (Broken,), {"io_bound": io_bound})
    with pytest.raises(type(error), match=str(error)):
        run(generational(Start(), kind(), size=4, seed=1), Sphere())


@dataclass(frozen=True)
class Wrong:
    answer: Offspring[Any] = field(metadata={"parameter": False})

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
        return self.answer


@each(
    ("answer", "what"),
    [
        (Offspring([1, 2, 3]), "Wrong returned 3 genomes: return at most the 2"),
        (Offspring([1, 2], notes=["a"]), "Wrong returned 2 genomes but 1 notes"),
        (Offspring([1, 2], parents=[[0]]), "Wrong returned 2 genomes but 1 parents"),
        (Offspring([1], parents=[[0]]), "Wrong returned a parent's index outside of the 0"),
        (Offspring([{1}]), "a genome can't contain a set"),
        (Offspring([object()]), "a genome can't contain a object"),
    ],
)
def test_a_wrong_answer_is_refused_and_leaves_nothing(
    answer: Offspring[Any], what: str, tmp_path: Path
) -> None:
    def flow(operator: Any) -> Flow:
        yield from evaluate((yield from vary(operator, [], 2, seed=0)))

    with pytest.raises(EvollmError, match=what):
        run(flow(Wrong(answer)), Trial(), path=tmp_path)
    mended = run(flow(Wrong(Offspring([4]))), Trial(), path=tmp_path)
    assert mended.fitness == 4.0


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    small, whole = cast(Any, np.float32), cast(Any, np.int64)

    def fitness(genome: Any) -> Outcome:
        return Outcome(small(genome), {"size": whole(3), "cost": small(0.5)})

    def flow() -> Flow:
        n, seed = whole(2), whole(5)
        made = yield Vary(Given((whole(7), small(0.1))), [], n, seed, whole(0))
        yield Evaluate(made, whole(4), seed, whole(0))

    first = run(flow(), fitness, path=tmp_path)
    second = run(flow(), fitness, path=tmp_path)
    assert digest(first) == digest(second)
    assert second.fitness == 7.0
    assert [type(one.genome) for one in second.population] == [whole, small]
    assert second.dataframe()["fidelity"].tolist() == [4, 4]


def test_what_an_operator_reads_is_the_same_after_a_resume(tmp_path: Path) -> None:
    for n in (9, 20, 30):
        found = run(plain(1), Sphere(), budget=Budget(evaluations=n), path=tmp_path)
        assert {one.outcome.info for one in found.population} == {(1, "two")}


def test_a_search_runs_once() -> None:
    search = Search(once([1]))
    run(search, Trial())
    with pytest.raises(EvollmError, match="this search has already been run"):
        run(search, Trial())
    flow = once([1])
    run(flow, Trial())
    with pytest.raises(EvollmError, match="is not a new flow: call its function again"):
        run(flow, Trial())
    with pytest.raises(EvollmError, match="is not a new flow"):
        run(once, Trial())  # type: ignore[arg-type]
    with pytest.raises(EvollmError, match="is not a problem: give a function of a genome"):
        run(once([1]), 3)  # type: ignore[arg-type]


def test_a_rejected_attempt_is_counted(tmp_path: Path) -> None:
    def flow() -> Flow:
        answer = Offspring([1], notes=[{"why": (1, 2)}], rejected={"duplicate": 4})
        yield from evaluate((yield from vary(Wrong(answer), [], 2, seed=0)))

    found = run(flow(), Trial(), path=tmp_path)
    assert found.population[0].note == {"why": (1, 2)}
    again = run(flow(), Trial(), path=tmp_path)
    assert again.population[0].note == {"why": (1, 2)}
    assert again.record.rows("SELECT rejected FROM jobs WHERE id = 0") == [('{"duplicate": 4}',)]


def test_jobs_that_go_out_together_come_back_in_order() -> None:
    answers: list[Any] = []

    def flow() -> Flow:
        jobs = [Vary(Given((i, 10 + i)), [], 2, seed=0) for i in range(3)]
        jobs.insert(1, Vary(Given((5,)), [], 0, seed=0))
        made = yield from together(jobs)
        answers.append([[one.genome for one in listed] for listed in made])
        scored = yield from together([Evaluate(listed) for listed in reversed(made)])
        answers.append([[one.fitness for one in listed] for listed in scored])
        answers.append((yield from together([])))

    run(flow(), Trial(), executor=Threads(3))
    assert answers == [
        [[0, 10], [], [1, 11], [2, 12]],
        [[2.0, 12.0], [1.0, 11.0], [], [0.0, 10.0]],
        [],
    ]


def test_lanes_share_a_population() -> None:
    found = run(steady(1), Sphere(), budget=Budget(evaluations=200))
    assert len(found.population) == 6
    assert found.fitness > -0.2
    assert {row[0] for row in found.record.rows("SELECT DISTINCT lane FROM jobs")} == {0, 1, 2}


def test_a_callback_sees_the_table_so_far() -> None:
    sizes: list[int] = []

    def look(under_way: Any, individual: Any) -> None:
        table = under_way.dataframe()
        assert individual.id in set(table["candidate"])
        sizes.append(len(table))

    run(plain(1), Sphere(), budget=Budget(evaluations=20), callbacks=[look])
    assert sizes[-1] == 20
    assert sizes == sorted(sizes)


def test_a_candidate_by_the_number_that_a_table_holds() -> None:
    found = run(plain(1), Sphere(), budget=Budget(generations=1))
    number = found.dataframe()["candidate"].iloc[-1]
    assert found.candidate(number).id == number
    assert type(found.candidate(number).id) is int
