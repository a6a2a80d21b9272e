"""Level vectors: the budget holds, levels stay within their bounds, and what can move does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.testing import OperatorKit
from operators.levels import (
    Costs,
    FixedLevels,
    LevelSteps,
    LevelSwap,
    LevelTrade,
    OwnerSwap,
    RandomLevels,
    SpreadLevels,
)
from tests.operators.test_compose import parents
from tests.support_each import checks, each

COSTS: Costs = ((2, 3, 4), (2, 3, 4), (20, 30, 40), (20, 30, 40), (5, 15, 25))
GROUPS = (0, 0, 1, 1, 1)
OWNED: Costs = ((0, 0), (2, 3, 4), (2, 3, 4), (0, 0), (2, 3, 4), (2, 3, 4), (0, 0), (2, 4), (2, 4))
OWNERS = (-1, 0, 0, -1, 3, 3, -1, 6, 6)
ONE, OTHER = np.array([1, 1, 1, 1, 1]), np.array([0, 2, 2, 1, 0])
KEPT = np.array([1, 1, 2, 0, 0, 0, 1, 1, 0])


def costs_of(costs: Costs, rows: Any, owners: tuple[int, ...] = ()) -> NDArray[np.int64]:
    """The cost of each row, unit by unit."""
    table = np.array([[*row, *[0] * (9 - len(row))] for row in costs])
    found = table[np.arange(len(costs)), rows]
    if owners:
        own = np.array(owners)
        found = np.where((own < 0) | (np.array(rows)[:, own] > 0), found, 0)
    return found.sum(axis=1)


@each(
    "case",
    [
        (FixedLevels((1, 0, 2)), []),
        (RandomLevels(COSTS, 80), []),
        (LevelSwap(COSTS, GROUPS), [ONE, OTHER]),
        (LevelTrade(COSTS, 81), [ONE, OTHER]),
        (OwnerSwap(OWNED, OWNERS, ((0, 3, 6),), 14), [KEPT]),
        (LevelSteps(COSTS), [ONE, OTHER]),
        (SpreadLevels(COSTS), []),
    ],
)
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], case: Any, tmp_path: Path) -> None:
    check(case, tmp_path)


@given(st.data())
def test_a_swap_keeps_the_cost_of_each_group(data: st.DataObject) -> None:
    units = data.draw(st.integers(2, 9))
    steps = data.draw(st.lists(st.integers(1, 3), min_size=units, max_size=units))
    tops = data.draw(st.lists(st.integers(0, 3), min_size=units, max_size=units))
    groups = tuple(data.draw(st.lists(st.integers(0, 2), min_size=units, max_size=units)))
    costs = tuple(
        tuple(range(0, top * step + 1, step)) for top, step in zip(tops, steps, strict=True)
    )
    first = np.array([data.draw(st.integers(0, top)) for top in tops])
    made = np.array(LevelSwap(costs, groups, 4).vary(parents(first), 20, 1).genomes)
    assert (made >= 0).all()
    assert (made <= tops).all()
    for group in set(groups):
        inside = np.array(groups) == group
        paid = ((made - first) * steps)[:, inside]
        assert (paid.sum(axis=1) == 0).all()


def test_the_budget_holds_over_a_hundred_thousand_mutations() -> None:
    size = [9, 3, 3, 9, 24, 24, 24] * 12
    costs = tuple(tuple(n * bits + n for bits in (2, 3, 4, 5, 6)) for n in size)
    groups = tuple(sorted(set(size)).index(n) for n in size)
    first = np.ones(len(size), np.int64)
    budget = int(costs_of(costs, first[None])[0])
    walked = first
    for turn in range(50):
        swapped = np.array(LevelSwap(costs, groups).vary(parents(walked), 1000, turn).genomes)
        assert (costs_of(costs, swapped) == budget).all()
        traded = np.array(LevelTrade(costs, budget).vary(parents(walked), 1000, turn).genomes)
        assert len(traded) == 1000
        assert (costs_of(costs, traded) <= budget).all()
        assert (np.abs(traded - walked).sum(axis=1) <= 10).all()
        walked = swapped[turn]
    assert (walked != first).sum() > 20


def test_the_number_of_swaps_is_the_smaller_of_two_draws() -> None:
    costs: Costs = ((0, 1, 2, 3, 4, 5, 6),) * 200
    made = LevelSwap(costs, (0,) * 200).vary(parents(np.full(200, 3)), 9000, seed=1).genomes
    moved = np.bincount([int(np.abs(one - 3).sum()) // 2 for one in made], minlength=4)
    assert np.allclose(moved[1:] / 9000, [5 / 9, 3 / 9, 1 / 9], atol=0.02)


def test_swaps_are_drawn_evenly_from_those_that_are_possible() -> None:
    costs: Costs = ((0, 1), (0, 1), (0, 1), (0, 7), (0, 7))
    parent = np.array([0, 1, 1, 0, 1])
    made = LevelSwap(costs, (0,) * 5, 1).vary(parents(parent), 4000, seed=2).genomes
    found = {tuple(np.flatnonzero(one != parent)): 0 for one in made}
    for one in made:
        found[tuple(np.flatnonzero(one != parent))] += 1
    assert set(found) == {(0, 1), (0, 2), (3, 4)}
    assert abs(found[3, 4] / 4000 - 2 / 5) < 0.03  # two units of five can take the larger step
    assert abs(found[0, 1] - found[0, 2]) < 150


def test_where_nothing_can_move_a_child_is_a_copy() -> None:
    for genome in (np.full(3, 2), np.zeros(3, np.int64)):
        costs: Costs = ((0, 1, 2),) * 3
        assert LevelSwap(costs, (0, 0, 0)).vary(parents(genome), 1, 1).genomes[0].tolist() == list(
            genome
        )
    alone = LevelSwap(((0, 1, 2), (0, 5, 10)), (0, 0)).vary(parents(np.array([1, 1])), 5, 1)
    assert all(one.tolist() == [1, 1] for one in alone.genomes)


def test_a_trade_saves_little_more_than_it_spends() -> None:
    operator = LevelTrade(COSTS, 82, most=2, changes=6)
    made = np.array(operator.vary(parents(ONE), 500, seed=3).genomes)
    change = np.array([np.diff(row)[0] for row in COSTS]) * (made - ONE)
    added, removed = np.maximum(change, 0).sum(axis=1), np.maximum(-change, 0).sum(axis=1)
    assert (added >= 0.8 * removed).all()
    assert (np.abs(made - ONE).sum(axis=1) <= 6).all()
    assert (costs_of(COSTS, made) <= 82).all()


def test_a_trade_that_is_not_possible_is_given_up() -> None:
    costs: Costs = ((0, 1), (0, 100))
    made = LevelTrade(costs, 100).vary(parents(np.array([0, 1])), 3, seed=1)
    assert list(made.genomes) == []
    assert made.rejected == {"no trade within the limits": 3}


def test_random_levels_are_rounded_down_from_the_level_above_the_budget() -> None:
    costs: Costs = ((2, 3, 4, 5),) * 10
    made = RandomLevels(costs, 25).vary([], 200, seed=1).genomes
    assert all(one.sum() == 5 and set(one.tolist()) == {0, 1} for one in made)
    assert len({one.tobytes() for one in made}) > 100
    [uniform] = RandomLevels(costs, 40).vary([], 1, seed=1).genomes
    assert uniform.tolist() == [2] * 10


def test_random_levels_fill_what_is_dropped() -> None:
    operator = RandomLevels(OWNED, 12, OWNERS, ((0, 3, 6),), (1,))
    made = np.array(operator.vary([], 100, seed=1).genomes)
    assert ((made[:, [0, 3, 6]] == 0).sum(axis=1) == 1).all()
    costs = costs_of(OWNED, made, OWNERS)
    assert (costs <= 12).all()
    assert (costs >= 11).all()
    gone = made[:, OWNERS] == 0
    assert (made[gone & (np.array(OWNERS) >= 0)] == 0).all()


def test_what_comes_back_takes_the_levels_of_what_it_replaces() -> None:
    operator = OwnerSwap(OWNED, OWNERS, ((0, 3, 6),), 13, most=1)
    made = {tuple(one.tolist()) for one in operator.vary(parents(KEPT), 50, seed=1).genomes}
    assert made == {(0, 0, 0, 1, 1, 2, 1, 1, 0), (1, 1, 2, 1, 1, 0, 0, 0, 0)}
    tight = np.array([1, 2, 2, 0, 0, 0, 0, 0, 0])
    swapped = OwnerSwap(OWNED, OWNERS, ((0, 3, 6),), 7, most=1).vary(parents(tight), 50, seed=1)
    assert all(costs_of(OWNED, [one], OWNERS)[0] <= 7 for one in swapped.genomes)


def test_steps_move_one_to_three_levels_within_their_bounds() -> None:
    made = np.array(LevelSteps(COSTS).vary(parents(OTHER), 500, seed=1).genomes)
    assert (made >= 0).all()
    assert (made <= 2).all()
    moved = np.abs(made - OTHER).sum(axis=1)
    assert set(moved.tolist()) == {0, 1, 2, 3}  # two steps may cancel each other
    assert {tuple(np.sign(one - OTHER)) for one in made if np.abs(one - OTHER).sum() == 1} == {
        *[tuple(sign * np.eye(5, dtype=int)[unit]) for unit, sign in ((0, 1), (3, 1), (3, -1))],
        *[tuple(sign * np.eye(5, dtype=int)[unit]) for unit, sign in ((1, -1), (2, -1), (4, 1))],
    }


def test_levels_are_spread_from_the_lowest_to_the_highest_cost() -> None:
    made = SpreadLevels(COSTS).vary([], 40, seed=1).genomes
    costs = costs_of(COSTS, made)
    assert costs.min() < 60
    assert costs.max() > 100
    assert (np.diff(np.sort(costs)) < 12).all()


def test_what_has_no_owner_left_does_not_move() -> None:
    groups = (0, 1, 1, 0, 1, 1, 0, 1, 1)
    for operator in (LevelSwap(OWNED, groups, owners=OWNERS), LevelTrade(OWNED, 14, owners=OWNERS)):
        made = np.array(operator.vary(parents(KEPT), 200, seed=1).genomes)
        assert (made[:, [0, 3, 6]] == KEPT[[0, 3, 6]]).all()
        assert (made[:, [4, 5]] == 0).all()
        assert (made != KEPT).any()


@each(
    ("make", "said"),
    [
        (lambda: RandomLevels(COSTS, 48), "the budget of 48 is below the 49 of the lowest levels"),
        (lambda: LevelSwap(COSTS, GROUPS, 0), "most must be a whole number, 1 or more"),
        (lambda: LevelTrade(COSTS, 9, most=10), "changes must be more than 10"),
        (lambda: OwnerSwap(OWNED, (-1, 0, 0, -1, 3, -1, -1, 6, 6), ((0, 3),), 9), "equally many"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(EvollmError, match=said):
        make()
