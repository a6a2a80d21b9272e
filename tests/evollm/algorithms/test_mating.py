"""Matings: shares, broods, duplicates, second rounds, and shares that adapt."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import Budget, Candidate, EvollmError, Offspring, run
from evollm.algorithms import generational
from evollm.algorithms.mating import Adaptive, Bandit, Breeder, Mating, Matings, _apportioned
from evollm.algorithms.selection import best
from evollm.search.flow import Flow, evaluate, vary
from evollm.testing import Given, Trial
from tests.evollm.support_parts import Blend, Sphere, Start
from tests.support_each import each


@dataclass(frozen=True)
class Named:
    """Makes its own name's length, or falls short."""

    name: str
    short: Callable[[int], int] = lambda n: n

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
        made = [seed % 10**6 + 10**6 * i for i in range(self.short(n))]
        return Offspring(made, rejected={"short": n - len(made)})


def bred(
    matings: Matings, n: int, **more: Any
) -> tuple[list[Candidate[Any]], list[tuple[Any, ...]]]:
    """Return the children of one call, and the jobs that it took: name and number."""
    children: list[Candidate[Any]] = []

    def flow() -> Flow:
        pool = yield from evaluate((yield from vary(Given((1, 2, 3)), [], 3, 0)))
        children.extend(
            (yield from Breeder(matings, np.random.default_rng(1), **more).breed(pool, n, 1))
        )

    found = run(flow(), Trial())
    jobs = found.record.rows(
        "SELECT name, n FROM jobs WHERE kind = 'vary' AND step = 1 ORDER BY id"
    )
    return children, jobs


def test_an_operator_alone_is_one_job_a_child_of_two_parents() -> None:
    children, jobs = bred(Named("a"), 3)
    assert jobs == [("a", 1)] * 3
    assert all(len(child.parents) == 2 for child in children)


def test_broods_and_arity() -> None:
    children, jobs = bred(Mating(Named("a"), best, arity=3, brood=2), 5)
    assert jobs == [("a", 2), ("a", 2), ("a", 1)]
    assert {child.parents for child in children} == {(2, 1, 0)}


def test_shares() -> None:
    matings = [
        Mating(Named("a"), share=3),
        Mating(Named("b"), brood=2),
        Mating(Named("c"), share=0),
    ]
    _, jobs = bred(matings, 8)
    assert jobs == [("a", 1)] * 6 + [("b", 2)]


@given(st.integers(0, 50), st.lists(st.floats(0.01, 10), min_size=1, max_size=5))
def test_apportioning_is_exact_and_fair(n: int, shares: list[float]) -> None:
    found = _apportioned(n, shares)
    assert sum(found) == n
    for size, share in zip(found, shares, strict=True):
        assert abs(size - n * share / sum(shares)) < 1 + 1e-9


def test_what_is_missing_is_asked_for_again() -> None:
    children, jobs = bred(Mating(Named("a", lambda n: n // 2), brood=4), 4)
    assert jobs == [("a", 4), ("a", 2), ("a", 1)]
    assert len(children) == 3
    assert bred(Named("a"), 0) == ([], [])


def test_duplicates_are_dropped_before_they_cost_anything() -> None:
    class Same:
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[int]:
            return Offspring([seed % 3 for _ in range(n)])

    children, _ = bred(Mating(Same(), brood=2), 4, key=lambda genome: genome)
    genomes = [child.genome for child in children]
    assert genomes == [0]  # 1 and 2 are in the pool already
    children, _ = bred(Mating(Same(), brood=2), 4)
    assert len(children) == 4


@each(
    ("make", "said"),
    [
        (lambda: Mating(Named("a"), brood=0), "a brood of at least 1"),
        (lambda: Mating(Named("a"), share=-1), "least 0, not"),
        (lambda: Adaptive([]), "need at least one mating"),
        (lambda: Adaptive([Mating(Named("a"))], discount=0), "between 0 and 1"),
        (lambda: Breeder([], np.random.default_rng()), "nor a list of matings"),
        (lambda: Breeder([Mating(Named("a"), share=0)], np.random.default_rng()), "positive share"),
    ],
)
def test_wrong_settings_are_refused(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(EvollmError, match=said):
        make()


def test_shares_follow_success() -> None:
    """Small steps succeed near the optimum, and enormous ones never do."""
    arms = [Mating(Blend(0.05)), Mating(Blend(50.0))]
    counts: Counter[bool] = Counter()

    def count(under_way: Any, individual: Any) -> None:
        if individual.step > 5:
            counts[bool(np.abs(individual.genome).max() < 3)] += 1

    run(
        generational(Start(), Adaptive(arms), size=20, seed=1),
        Sphere(),
        budget=Budget(generations=30),
        callbacks=[count],
    )
    assert counts[True] > 5 * counts[False] > 0  # the floor keeps the other one alive


def test_the_bandit_forgets() -> None:
    rng = np.random.default_rng(0)
    bandit = Bandit(Adaptive([Mating(Named("a")), Mating(Named("b"))], discount=0.5, floor=0))
    for _ in range(20):
        bandit.learn([(0, True), (1, False)] * 10)
    assert np.mean([bandit.pick(rng) for _ in range(200)]) < 0.1
    for _ in range(20):
        bandit.learn([(0, False), (1, True)] * 10)
    assert np.mean([bandit.pick(rng) for _ in range(200)]) > 0.9


def test_an_empty_population_is_said() -> None:
    flow = generational(Start(), Blend(), size=4, seed=1, survivors=lambda pool, k, rng: [])
    with pytest.raises(EvollmError, match="the population is empty: the rule for survivors"):
        run(flow, Sphere(), budget=Budget(evaluations=20))
