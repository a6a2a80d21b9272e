"""Level vectors: the sum is exact, and levels stay within their bounds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from evollm.testing import OperatorKit
from operators.levels import LevelCrossover, LevelSwap, RandomLevels
from tests.operators.test_compose import parents
from tests.support_each import checks, each

ONE, OTHER = np.array([0, 4, 2, 2, 1]), np.array([3, 0, 3, 0, 3])


@each(
    "operator",
    [
        RandomLevels(5, 9, 0, 4),
        LevelSwap(0, 4),
        LevelSwap(0, 4, 5, (0, 0, 1, 1, 1)),
        LevelCrossover(0, 4),
    ],
)
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], operator: Any, tmp_path: Path) -> None:
    check((operator, [ONE, OTHER]), tmp_path)


@given(st.integers(1, 12), st.integers(0, 2**32), st.data())
def test_the_sum_never_changes(length: int, seed: int, data: st.DataObject) -> None:
    total = data.draw(st.integers(-2 * length, 5 * length))
    first = RandomLevels(length, total, -2, 5).vary([], 2, seed).genomes
    groups = tuple(data.draw(st.lists(st.integers(0, 2), min_size=length, max_size=length)))
    switched = LevelSwap(-2, 5, 4, groups).vary(parents(*first), 4, seed)
    met = LevelCrossover(-2, 5).vary(parents(*first), 4, seed)
    for child in (*first, *switched.genomes, *met.genomes):
        assert child.sum() == total
        assert child.min() >= -2
        assert child.max() <= 5
    for child, own in zip(switched.genomes, switched.parents, strict=True):
        for group in set(groups):
            change = (child - first[own[0]])[np.array(groups) == group]
            assert change.sum() == 0


def test_switches_change_something_wherever_they_can() -> None:
    made = LevelSwap(0, 4, most=1).vary(parents(ONE), 200, seed=1)
    assert all(np.abs(child - ONE).sum() == 2 for child in made.genomes)
    stuck = LevelSwap(0, 4).vary(parents(np.full(3, 4)), 1, seed=1)
    assert stuck.genomes[0].tolist() == [4, 4, 4]


def test_a_meeting_stays_between_its_parents_where_it_can() -> None:
    made = LevelCrossover(0, 4).vary(parents(ONE, OTHER), 100, seed=1)
    low, high = np.minimum(ONE, OTHER), np.maximum(ONE, OTHER)
    assert all(((child >= low) & (child <= high)).all() for child in made.genomes)
    assert len({child.tobytes() for child in made.genomes}) > 5


@each("make", [lambda: RandomLevels(3, 31, 0, 10), lambda: RandomLevels(3, -1, 0, 10)])
def test_impossible_sums_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(EvollmError, match="can't have the sum"):
        make()
