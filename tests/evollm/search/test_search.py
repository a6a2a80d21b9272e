"""The search numbers, hands out and takes in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import Budget, EvollmError, Offspring, Outcome, Search, run
from evollm.search.flow import Evaluate, Flow, Vary, evaluate, survive, together, vary
from evollm.search.search import Ticket
from evollm.testing import (
    FlowCase,
    FlowKit,
    Given,
    OperatorKit,
    ProblemKit,
    Trial,
)
from tests.evollm.support_parts import Blend, Sphere, Start, plain
from tests.support_each import checks, each


class TestPlain(FlowKit):
    @pytest.fixture
    def case(self) -> FlowCase:
        return plain, Sphere()


@each("operator, parents", [(Blend(), 2), (Start(), 0)])
@each("check", checks(OperatorKit))
def test_the_operators_conform(
    check: Callable[..., None], operator: Any, parents: int, tmp_path: Path
) -> None:
    check((operator, Start().vary([], parents, 0).genomes), tmp_path)


@each("check", checks(ProblemKit))
def test_the_problem_conforms(check: Callable[..., None], tmp_path: Path) -> None:
    check((Sphere(), Start().vary([], 5, 0).genomes, None), tmp_path)


def children(ticket: Ticket) -> Offspring[Any]:
    assert isinstance(ticket.job, Vary)
    return ticket.job.operator.vary(ticket.job.parents, ticket.job.n, ticket.job.seed)


def test_ids_depend_on_nothing_but_the_order_of_tells() -> None:
    def flow() -> Flow:
        made = yield from together([Vary(Given((1, 2)), [], 2, 0), Vary(Given((3,)), [], 4, 0)])
        yield from vary(Given((4,)), made[0] + made[1], 1, 0)

    search = Search(flow())
    first, second = search.ask()
    assert search.ask() == []
    assert [one.id for one in search.tell(second, children(second))] == [2]
    assert [one.id for one in search.tell(first, children(first))] == [0, 1]
    (third,) = search.ask()
    (child,) = search.tell(third, children(third))
    assert (child.id, child.parents, child.operator) == (6, (0, 1, 2), "Given")
    assert search.done


def test_own_parents_and_notes() -> None:
    class Pairs:
        name = "pairs"

        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            return Offspring([10, 20], notes=["a", "b"], parents=[[1], [0, 2]])

    def flow() -> Flow:
        made = yield from vary(Given((1, 2, 3)), [], 3, 0)
        yield from vary(Pairs(), made, 5, 0, step=4)

    search = Search(flow())
    (ticket,) = search.ask()
    search.tell(ticket, children(ticket))
    (ticket,) = search.ask()
    found = search.tell(ticket, children(ticket))
    assert [(one.id, one.parents, one.operator, one.step, one.note) for one in found] == [
        (3, (1,), "pairs", 4, "a"),
        (4, (0, 2), "pairs", 4, "b"),
    ]


def scored() -> Flow:
    made = yield from vary(Given(tuple(range(6))), [], 6, 0)
    first = yield from evaluate(made)
    yield from evaluate(first[:3], fidelity=2)


@given(st.permutations(range(6)), st.permutations(range(3)))
def test_the_order_of_scores_does_not_matter(first: list[int], second: list[int]) -> None:
    search = Search(scored())
    (ticket,) = search.ask()
    search.tell(ticket, children(ticket))
    (ticket,) = search.ask()
    for place in first:
        search.score(ticket, place, Outcome([0, 5, 5, 1, 5, 2][place]))
    assert search.best
    assert (search.best.id, search.best.fitness) == (1, 5.0)
    (ticket,) = search.ask()
    for place in second:
        search.score(ticket, place, Outcome(-1.0))
    assert (search.best.id, search.best.fitness, search.best.fidelity) == (0, -1.0, 2)
    assert [one.id for one in search.population] == [0, 1, 2]


def test_the_best_counts_a_half_answered_job_and_the_proven_one_does_not() -> None:
    search = Search(scored())
    (ticket,) = search.ask()
    search.tell(ticket, children(ticket))
    (ticket,) = search.ask()
    search.score(ticket, 3, Outcome(1.0))
    assert search.best
    assert search.best.id == 3
    assert search.best_committed is None
    assert search.population == []


def test_answers_are_taken_once() -> None:
    search = Search(scored())
    (ticket,) = search.ask()
    search.tell(ticket, children(ticket))
    with pytest.raises(EvollmError, match="job 0 is not open: it was answered already"):
        search.tell(ticket, children(ticket))
    (ticket,) = search.ask()
    search.score(ticket, 2, Outcome(1.0))
    with pytest.raises(EvollmError, match="place 2 of job 1 is answered already"):
        search.score(ticket, 2, Outcome(1.0))


def test_empty_jobs_are_answered_at_once() -> None:
    seen: list[Any] = []

    def flow() -> Flow:
        seen.append((yield Vary(Given(()), [], 0, 0)))
        seen.append((yield Evaluate([])))
        seen.append((yield []))
        seen.append((yield [Evaluate([]), Vary(Given(()), [], -2, 0)]))
        seen.append((yield from vary(Given((1,)), [], 1, 0)))

    search = Search(flow())
    (ticket,) = search.ask()
    (child,) = search.tell(ticket, children(ticket))
    assert seen == [[], [], [], [[], []], [child]]
    assert child.id == 0


def test_survivors_are_the_population() -> None:
    def flow() -> Flow:
        made = yield from evaluate((yield from vary(Given((3, 1, 2)), [], 3, 0)))
        assert (yield from survive(made[1:], 5)) == made[1:]

    search = Search(flow())
    (ticket,) = search.ask()
    search.tell(ticket, children(ticket))
    (ticket,) = search.ask()
    for place, outcome in enumerate(Trial().evaluate([3, 1, 2], None, 0)):
        search.score(ticket, place, outcome)
    assert [one.genome for one in search.population] == [1, 2]
    assert search.step == 5
    assert search.done
    assert search.best
    assert search.best.genome == 3


def test_lanes_are_asked_in_order_and_end_apart() -> None:
    def lane(n: int) -> Flow:
        for _ in range(n):
            yield from vary(Given((n,)), [], 1, 0)

    search = Search(lane(2), lane(0), lane(1))
    first, second = search.ask()
    assert (first.lane, second.lane) == (0, 2)
    search.tell(second, children(second))
    assert search.ask() == []
    search.tell(first, children(first))
    (third,) = search.ask()
    assert not search.done
    search.tell(third, children(third))
    assert search.done


def test_a_flow_yields_jobs() -> None:
    def flow() -> Flow:
        yield ["no job"]  # type: ignore[list-item]

    with pytest.raises(EvollmError, match="a flow must yield Vary, Evaluate, Survivors"):
        Search(flow()).ask()
    with pytest.raises(EvollmError, match="at least one flow"):
        Search()


def test_a_flow_says_why_it_ended() -> None:
    def flow() -> Flow:
        yield from evaluate((yield from vary(Given((1,)), [], 1, 0)))
        return "there is nothing else"

    assert run(flow(), Trial()).stopped == "there is nothing else"


def test_a_flow_that_goes_round_without_work_is_ended() -> None:
    def flow() -> Flow:
        population = yield from evaluate((yield from vary(Given((1,)), [], 1, 0)))
        while True:
            population += yield from evaluate([])
            yield from survive(population, 1)

    with pytest.raises(EvollmError, match="loops without work: it asked 10000 times"):
        run(flow(), Trial(), budget=Budget(evaluations=5))
