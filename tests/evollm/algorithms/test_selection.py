"""Each selection rule keeps its promise for any pool."""

import math
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import Candidate, EvollmError, Individual, Outcome
from evollm.algorithms.selection import best, roulette, tournament, uniform
from tests.support_each import each

fitness = st.floats(allow_nan=False) | st.integers(-3, 3).map(float)
fitnesses = st.lists(fitness, min_size=1, max_size=12)
size = st.integers(0, 20)
seed = st.integers(0, 2**32)


def pool_of(values: list[float]) -> list[Individual[None]]:
    return [
        Individual(Candidate(i, None, (), "", 0), Outcome(value)) for i, value in enumerate(values)
    ]


@given(fitnesses, size, seed)
def test_best_returns_the_fittest_first_and_the_older_of_equals(
    values: list[float], k: int, seed: int
) -> None:
    pool = pool_of(values)
    rng = np.random.default_rng(seed)
    rng.shuffle(pool)
    chosen = best(pool, k, rng)
    assert [one.id for one in chosen] == sorted(range(len(values)), key=lambda i: (-values[i], i))[
        :k
    ]


@each("rule", [uniform, roulette])
@given(fitnesses, size, seed)
def test_draws_are_without_replacement_if_they_can_be(
    rule: object, values: list[float], k: int, seed: int
) -> None:
    assert callable(rule)
    pool = pool_of(values)
    chosen = rule(pool, k, np.random.default_rng(seed))
    assert len(chosen) == k
    assert all(one in pool for one in chosen)
    if k <= len(pool):
        assert len({one.id for one in chosen}) == k
    again = rule(pool, k, np.random.default_rng(seed))
    assert [one.id for one in again] == [one.id for one in chosen]


@given(fitnesses, size, seed)
def test_a_tournament_of_many_is_won_by_the_best(values: list[float], k: int, seed: int) -> None:
    pool = pool_of(values)
    winners = tournament(500)(pool, k, np.random.default_rng(seed))
    assert [one.id for one in winners] == [best(pool, 1, np.random.default_rng())[0].id] * k


def test_a_tournament_of_one_is_uniform_and_of_two_is_not() -> None:
    pool = pool_of([0.0, 1.0, 2.0, 3.0])
    for contest, shares in ((1, [4, 4, 4, 4]), (2, [1, 3, 5, 7])):
        drawn = tournament(contest)(pool, 8000, np.random.default_rng(1))
        counts = np.bincount([one.id for one in drawn], minlength=4)
        assert np.allclose(counts / 500, shares, atol=0.3)
    with pytest.raises(EvollmError, match="a tournament needs at least one individual, not 0"):
        tournament(0)


def test_roulette_is_in_proportion() -> None:
    rng = np.random.default_rng(2)
    pool = pool_of([1.0, 0.0, 3.0, -5.0, -inf])
    counts = np.bincount([roulette(pool, 1, rng)[0].id for _ in range(4000)], minlength=5)
    assert counts[[1, 3, 4]].sum() == 0
    assert math.isclose(counts[2] / counts[0], 3, rel_tol=0.15)
    assert {one.id for one in roulette(pool, 3, rng)} >= {0, 2}


def test_roulette_of_extremes() -> None:
    rng = np.random.default_rng(3)
    for values in ([1e308] * 4, [5e-324, 1e300, 1.0], [inf, 1.0], [0.0, 0.0]):
        assert len(roulette(pool_of(values), len(values), rng)) == len(values)
