"""The bytes of levels, counted by hand."""

import pytest

from evollm.errors import EvollmError
from problems.compression.layout import DENSE, DROP, Level
from problems.compression.levels.costs import bits_cost, cost, groups_of, zeros_cost


def test_codes_scales_and_zero_points_count() -> None:
    """576 x 576 weights in 9 groups a row: 5,184 scales and zero points."""
    assert bits_cost(576, 576, 3, 64) == 576 * 576 * 3 // 8 + 5184 * 2 + 5184 * 3 // 8
    assert bits_cost(576, 576, 3) == 576 * 576 * 3 // 8 + 576 * 2 + 576 * 3 // 8


def test_each_part_is_rounded_up_to_bytes() -> None:
    assert bits_cost(1, 3, 3) == 2 + 2 + 1


def test_pruned_weights_count_with_their_mask() -> None:
    assert zeros_cost(10, 10, 60) == 40 * 2 + 13


def test_costs_by_level() -> None:
    found = [cost(10, 10, level) for level in (DROP, Level("bits", 2), Level("zeros", 60), DENSE)]
    assert found == [0, bits_cost(10, 10, 2), zeros_cost(10, 10, 60), 200]


def test_what_is_refused() -> None:
    with pytest.raises(EvollmError, match=r"^bits must be one of 2, 3, 4, 5, 6, 8, not 7$"):
        bits_cost(8, 8, 7)
    with pytest.raises(EvollmError, match="a level database has no levels such as Q4_0"):
        cost(8, 8, Level("gguf", 2))
    with pytest.raises(EvollmError, match="zeros must be 0 to 64"):
        zeros_cost(8, 8, 65)
    refusal = "group must divide the 576 inputs of block 2 mlp.up_proj, which 128 does not: choose"
    with pytest.raises(EvollmError, match=f"^{refusal} 144, or 0 for whole rows$"):
        groups_of(576, 128, "block 2 mlp.up_proj")
