"""Permutations stay permutations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from evollm.testing import OperatorKit
from operators.permutations import OrderCrossover, RandomOrders, Reverse, Swap, _crossed
from tests.operators.test_compose import parents
from tests.support_each import checks, each

ONE, OTHER = np.arange(8), np.array([3, 1, 7, 0, 2, 6, 5, 4])
OPERATORS = [RandomOrders(8), Swap(), Swap(3), Reverse(), OrderCrossover()]


@each("operator", OPERATORS)
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], operator: Any, tmp_path: Path) -> None:
    check((operator, [ONE, OTHER]), tmp_path)


@given(st.permutations(range(7)), st.permutations(range(7)), st.integers(0, 2**32))
def test_children_hold_everything_once(one: list[int], other: list[int], seed: int) -> None:
    for operator in OPERATORS[1:]:
        made = operator.vary(parents(np.array(one), np.array(other)), 5, seed)
        assert all(sorted(child.tolist()) == list(range(7)) for child in made.genomes)


def test_one_place_has_nothing_to_swap() -> None:
    assert Swap().vary(parents(np.array([0])), 1, seed=1).genomes[0].tolist() == [0]


def test_order_crossover_by_hand() -> None:
    class Draws:
        def integers(self, high: int, size: int) -> np.ndarray:
            return np.array([5, 2])

    # the stretch 2, 3, 4 of the first parent stays; the rest follows the second from place 5 on
    found = _crossed(ONE, OTHER, Draws())  # type: ignore[arg-type]
    assert found.tolist() == [7, 0, 2, 3, 4, 6, 5, 1]


def test_a_crossover_needs_two() -> None:
    with pytest.raises(EvollmError, match="two parents, not 1"):
        OrderCrossover().vary(parents(ONE), 1, seed=0)


def test_lists_will_do_and_anything_else_is_refused() -> None:
    made = Swap().vary(parents([2, 0, 1], (0, 1, 2)), 4, seed=1)
    assert all(sorted(child.tolist()) == [0, 1, 2] for child in made.genomes)
    for wrong in ([0, 0, 1], "abc", None, np.zeros(3)):
        with pytest.raises(EvollmError, match="must contain each of 0 to n - 1 once"):
            Reverse().vary(parents(wrong), 1, seed=0)
    with pytest.raises(EvollmError, match="equally long permutations, not 8, 3"):
        OrderCrossover().vary(parents(ONE, [0, 1, 2]), 1, seed=0)
