"""OWL: what stands out, shares, and levels near to them."""

import numpy as np
import pytest
import torch

from evollm.errors import EvollmError
from problems.compression.baselines.owl import levels_near, outliers, owl_grid, shares
from problems.compression.layout import DENSE, Layout, Level, Unit
from problems.compression.levels.costs import zeros_cost

SHAPE = (20, 40)
ZEROS = tuple(Level("zeros", zeros) for zeros in range(720, -1, -80))
COSTS = tuple(zeros_cost(*SHAPE, level.value) for level in ZEROS)
UNITS = [
    Unit(block, name, "mlp", 800, ZEROS, COSTS)
    for block in range(4)
    for name in ("mlp.up_proj", "mlp.gate_proj")
]
LAYOUT = Layout(tuple(UNITS), 4)
BUDGET = 8 * zeros_cost(*SHAPE, 480)


class Source:
    """Weights of 1, of which some are 100: more in later blocks."""

    def weight(self, block: int, name: str, level: Level) -> torch.Tensor:
        assert level == DENSE
        weights = -torch.ones(SHAPE)
        weights.view(-1)[: 10 * block] = 100
        return weights

    def squares(self, block: int, name: str) -> torch.Tensor:
        return torch.full((SHAPE[1],), 4.0)


def test_what_stands_out_does_so_in_its_block() -> None:
    """Means are 2 and, of the last block, (770 + 30 * 100) / 800 * 2 = 9.4."""
    found = outliers(LAYOUT, Source(), [0.5, 5])
    assert found[1].tolist() == [0, 10 / 800, 20 / 800, 30 / 800]
    assert found[0].tolist() == [1, 10 / 800, 20 / 800, 30 / 800]


def test_shares_spread_around_that_of_the_budget() -> None:
    found = shares(LAYOUT, np.array([0.0, 0.1, 0.2, 0.4]), 0.08, BUDGET)
    assert found.mean() == pytest.approx(0.6)
    assert found[0] - found == pytest.approx([0, 0.04, 0.08, 0.16])
    equal = shares(LAYOUT, np.full(4, 0.3), 0.08, BUDGET)
    assert equal == pytest.approx([0.6] * 4)


def test_levels_are_the_nearest_within_the_budget() -> None:
    wanted = np.array([0.72, 0.68, 0.52, 0.48])
    found = LAYOUT.levels(levels_near(LAYOUT, wanted, BUDGET))
    assert [level.value for level in found] == [560] * 4 + [400] * 4
    assert LAYOUT.cost(levels_near(LAYOUT, wanted + 0.2, BUDGET)) == BUDGET


def test_blocks_with_more_that_stands_out_are_pruned_less() -> None:
    grid = owl_grid(LAYOUT, Source(), BUDGET, lambdas=[0.2, 0.0], multiples=[5])
    for genome in grid.values():
        assert LAYOUT.cost(genome) == BUDGET
    zeros = [level.value for level in LAYOUT.levels(grid[0.2, 5])]
    assert zeros == sorted(zeros, reverse=True)
    assert zeros[0] == 640
    assert zeros[-1] == 320
    assert {level.value for level in LAYOUT.levels(grid[0.0, 5])} == {480}


def test_other_levels_are_refused() -> None:
    unit = Unit(0, "mlp.up_proj", "mlp", 800, (Level("bits", 2), DENSE), (1, 2))
    with pytest.raises(EvollmError, match="OWL chooses numbers of zeros"):
        owl_grid(Layout((unit,), 1), Source(), 2)
