"""Pareto fronts against their definition, by brute force."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import Budget, Candidate, EvollmError, Individual, Offspring, Outcome, run
from evollm.algorithms import nsga2
from evollm.algorithms.pareto import Objectives, crowded_tournament, crowding, front, values_of
from tests.evollm.support_parts import Blend, Start
from tests.support_each import each

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=14)
OBJECTIVES = {"fitness": 1.0, "cost": -1.0}


def individuals(pairs: list[tuple[float, float]]) -> list[Individual[None]]:
    return [
        Individual(Candidate(i, None, (), "given", 0), Outcome(a, {"cost": b}))
        for i, (a, b) in enumerate(pairs)
    ]


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other


@given(PAIRS)
def test_the_front_is_what_nothing_dominates(pairs: list[tuple[float, float]]) -> None:
    pool = individuals(pairs)
    values = [(a, -b) for a, b in pairs]
    expected = {v for v in values if not any(dominates(other, v) for other in values)}
    found = front(pool, OBJECTIVES)
    assert {values_of(one, OBJECTIVES) for one in found} == expected
    assert len(found) == len(expected)


@given(PAIRS, st.integers(1, 14))
def test_survivors_are_the_better_fronts(pairs: list[tuple[float, float]], k: int) -> None:
    pool = individuals(pairs)
    kept = crowding(OBJECTIVES)(pool, k, np.random.default_rng(0))
    assert len(kept) == len({one.id for one in kept}) == min(k, len(pool))
    values = {one.id: values_of(one, OBJECTIVES) or () for one in pool}
    lost = [one for one in pool if one.id not in {other.id for other in kept}]
    assert not any(dominates(values[a.id], values[b.id]) for a in lost for b in kept)


def test_the_ends_of_a_front_survive() -> None:
    pool = individuals([(float(i), float(i)) for i in range(9)])
    kept = crowding(OBJECTIVES)(pool, 3, np.random.default_rng(0))
    assert {0, 8} < {one.id for one in kept}


def test_failed_ones_come_last() -> None:
    pool = [*individuals([(1, 1), (2, 2)])]
    broken = Individual(Candidate(9, None, (), "given", 0), Outcome(-inf, error="broken"))
    endless = Individual(Candidate(8, None, (), "given", 0), Outcome(1.0, {"cost": -inf}))
    mixed = [broken, endless, *pool]
    kept = crowding(OBJECTIVES)(mixed, 4, np.random.default_rng(0))
    assert {one.id for one in kept[2:]} == {8, 9}
    assert {one.id for one in front(mixed, OBJECTIVES)} == {0, 1}
    drawn = crowded_tournament(OBJECTIVES)([broken, pool[0]], 50, np.random.default_rng(0))
    assert sum(one.id == 0 for one in drawn) > 25
    assert front([broken], OBJECTIVES) == []


@each(
    ("objectives", "said"),
    [
        (["speed"], "lacks the metric 'speed'"),
        ("fitness", "must be a list of metrics"),
        ([], "a list of metrics"),
    ],
)
def test_wrong_objectives_are_refused(objectives: Objectives, said: str) -> None:
    with pytest.raises(EvollmError, match=said):
        front(individuals([(1, 1)]), objectives)


def test_nsga2_spreads_over_a_known_front() -> None:
    """Schaffer's two parabolas: the front is every x from 0 to 2."""

    def parabolas(genome: np.ndarray) -> Outcome:
        x = float(genome[0])
        return Outcome(-(x**2), {"other": -((x - 2) ** 2)})

    class Wide(Start):
        def vary(self, parents: object, n: int, seed: int) -> Offspring[np.ndarray]:
            return Offspring(list(np.random.default_rng(seed).uniform(-9, 9, (n, 1))))

    flow = nsga2(Wide(1), Blend(), ["fitness", "other"], size=20, seed=1)
    found = run(flow, parabolas, budget=Budget(generations=40))
    places = sorted(float(one.genome[0]) for one in found.population)
    assert -0.1 < places[0] < 0.2
    assert 1.8 < places[-1] < 2.1
    assert max(np.diff(places)) < 0.4
