"""The user's own loop leads where ``run`` leads."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import AskTell, Budget, Candidate, EvollmError, Offspring, Outcome, Search, run
from evollm.algorithms import generational
from evollm.search.flow import Evaluate, Flow, evaluate, together, vary
from evollm.testing import Given, once
from tests.evollm.algorithms.regimes import steady
from tests.evollm.runtime.test_budget import paid
from tests.evollm.support_parts import Blend, Sphere, Start, digest, plain
from tests.support_each import each


def score(candidates: list[Candidate[Any]]) -> list[Outcome]:
    return Sphere().evaluate([candidate.genome for candidate in candidates], None, 0)


@each("n", [1, 5, 8, 30])
def test_the_loop_of_the_docstring(n: int) -> None:
    search = AskTell(plain(1), budget=Budget(evaluations=n))
    while not search.stop():
        candidates = search.ask()
        search.tell(candidates, score(candidates))
    assert search.stop() == {"evaluations": n}
    assert search.ask() == []
    found = search.result
    assert found.usage.evaluations == n
    assert digest(found) == digest(run(plain(1), Sphere(), budget=Budget(evaluations=n)))
    search.close()


@given(st.integers(0, 2**32))
def test_any_order_and_any_portion(seed: int) -> None:
    rng = random.Random(seed)
    with AskTell(plain(1), budget=Budget(evaluations=30)) as search:
        while not search.stop():
            candidates = search.ask()
            some = rng.sample(candidates, rng.randint(1, len(candidates)))
            search.tell(some, score(some))
        assert digest(search.result) == digest(
            run(plain(1), Sphere(), budget=Budget(evaluations=30))
        )


@each("portion", [1, 3, 7])
def test_resume(portion: int, tmp_path: Path) -> None:
    told = 0
    while told < 40:
        with AskTell(steady(1), budget=Budget(evaluations=40), path=tmp_path) as search:
            some = search.ask()[:portion]
            search.tell(some, score(some))
            told += len(some)
            assert search.result.usage.evaluations == told
    with AskTell(steady(1), budget=Budget(evaluations=40), path=tmp_path) as search:
        assert search.stop() == {"evaluations": 40}
        again = digest(search.result)
    with AskTell(steady(1), budget=Budget(evaluations=40), path=tmp_path) as search:
        assert digest(search.result) == again


def test_plain_numbers_and_failures() -> None:
    with AskTell(once([1, 2, 3])) as search:
        candidates = search.ask()
        search.tell(candidates, [1.5, float("nan"), Outcome(0.0, error="lost")])
        assert search.stop() == {"end": 1.0}
        found = search.result
    assert found.stopped == "the algorithm has ended"
    assert found.fitness == 1.5
    assert found.usage.failed == 2


def test_wrong_tellings_are_refused_and_do_no_harm() -> None:
    with AskTell(once([1, 2, 3])) as search:
        candidates = search.ask()
        assert search.ask() == candidates
        with pytest.raises(EvollmError, match="3 candidates but 1 outcomes"):
            search.tell(candidates, [1.0])
        for wrong in ((candidates[0], 1.0), (candidates, 1.0), (candidates, {"a": 1.0})):
            with pytest.raises(EvollmError, match=r"tell\(\[candidate\], \[outcome\]\) for a"):
                search.tell(*wrong)  # type: ignore[arg-type]
        with pytest.raises(EvollmError, match="the outcome of candidate 1 can't be 'high'"):
            search.tell(candidates[:2], [1.0, "high"])  # type: ignore[list-item]
        with pytest.raises(EvollmError, match="candidate 0 is not waiting"):
            search.tell([candidates[0]] * 2, [1.0, 2.0])
        assert search.ask() == candidates
        search.tell(candidates[:1], [1.0])
        with pytest.raises(EvollmError, match="candidate 0 is not waiting for an outcome"):
            search.tell(candidates[:1], [1.0])
        assert search.ask() == candidates[1:]
        search.tell(search.ask(), [2.0, 3.0])
        assert search.result.fitness == 3.0


def test_a_candidate_can_wait_twice() -> None:
    def flow() -> Flow:
        made = yield from vary(Given((7,)), [], 1, seed=0)
        yield from together([Evaluate(made, 1), Evaluate(made, 2)])

    with AskTell(flow()) as search:
        assert [one.id for one in search.ask()] == [0, 0]
        search.tell(search.ask(), [1.0, 2.0])
        assert search.stop()
        assert search.result.best
        assert (search.result.best.fidelity, search.result.fitness) == (2, 2.0)


def test_what_an_operator_raises_reaches_the_user() -> None:
    class Broken(Blend):
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            raise RuntimeError("a bug")

    search = AskTell(generational(Start(), Broken(), size=4, seed=1))
    candidates = search.ask()
    search.tell(candidates, score(candidates))
    with pytest.raises(RuntimeError, match="a bug"):
        search.ask()
    with pytest.raises(RuntimeError, match="a bug"):
        search.close()
    search.close()


def test_a_folder_is_given_back(tmp_path: Path) -> None:
    with AskTell(plain(1), path=tmp_path) as search:
        with pytest.raises(EvollmError, match="another process is using"):
            AskTell(plain(1), path=tmp_path)
        search.ask()
    with pytest.raises(EvollmError, match="job 0"):
        AskTell(plain(2), path=tmp_path)
    AskTell(plain(1), path=tmp_path).close()


def test_operators_that_wait_are_waited_for() -> None:
    class Slow(Blend):
        io_bound = True

    def flow() -> Flow:
        first = yield from evaluate((yield from vary(Start(), [], 2, seed=0)))
        yield from evaluate((yield from vary(Slow(), first, 2, seed=1)))

    with AskTell(flow()) as search:
        search.tell(search.ask(), [1.0, 2.0])
        assert [one.id for one in search.ask()] == [2, 3]


def test_a_limit_on_calls_is_a_reason_as_any_other() -> None:
    for limit in (Budget(calls=3), Budget(tokens=39), Budget(money=1.0)):
        with AskTell(paid(), budget=limit) as search:
            while not search.stop():
                candidates = search.ask()
                search.tell(candidates, score(candidates))
            (name,) = search.stop()
            assert search.stop() == {name: getattr(limit, name)}
            assert search.result.reasons == search.stop()


def test_a_closed_search_is_said(tmp_path: Path) -> None:
    for path in (tmp_path, None):
        search = AskTell(plain(1), path=path)
        candidates = search.ask()
        search.close()
        for use in (search.ask, lambda: search.tell(candidates, score(candidates))):  # noqa: B023
            with pytest.raises(EvollmError, match="this search is closed: make a new one"):
                use()


def test_known_points_come_first() -> None:
    known = [np.zeros(4), np.ones(4)]
    with AskTell(plain(1), budget=Budget(evaluations=12), enqueue=known) as search:
        first = search.ask()
        assert np.array_equal([one.genome for one in first[:2]], known)
        assert [one.note for one in first[:3]] == ["enqueued", "enqueued", None]
        assert len(first) == 8
        search.tell(first, score(first))
        assert search.result.fitness == 0.0
    lanes = run(steady(1).enqueue(known), Sphere(), budget=Budget(evaluations=6))
    notes = [lanes.candidate(i).note for i in range(6)]
    assert notes.count("enqueued") == 2


def test_known_points_resume_and_are_part_of_the_search(tmp_path: Path) -> None:
    def search(value: float) -> Search:
        return Search(plain(1)).enqueue([np.full(4, value)])

    cut = run(search(0.5), Sphere(), budget=Budget(evaluations=5), path=tmp_path)
    more = run(search(0.5), Sphere(), budget=Budget(evaluations=30), path=tmp_path)
    assert cut.usage.evaluations == 5
    assert digest(more) == digest(run(search(0.5), Sphere(), budget=Budget(evaluations=30)))
    with pytest.raises(EvollmError, match="job 0, which was vary by Start"):
        run(search(0.6), Sphere(), path=tmp_path)


def test_known_points_that_find_no_place_are_refused() -> None:
    many = Search(plain(1)).enqueue([np.zeros(4)] * 9)
    with pytest.raises(EvollmError, match="1 of the enqueued genomes don't fit"):
        run(many, Sphere(), budget=Budget(evaluations=30))
    begun = Search(plain(1))
    begun.ask()
    with pytest.raises(EvollmError, match="after a search has begun"):
        begun.enqueue([np.zeros(4)])
