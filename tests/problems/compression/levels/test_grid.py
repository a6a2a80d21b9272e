"""Grids, and rounding to nearest."""

import torch

from problems.compression.levels.grid import fit, nearest
from tests.support_each import each

RNG = torch.Generator().manual_seed(0)
WEIGHTS = torch.randn(6, 24, generator=RNG)


@each("bits", [2, 3, 4, 5, 6, 8])
def test_no_weight_is_further_than_half_a_step_from_its_value(bits: int) -> None:
    """And a little, as the scale has 11 bits itself, and the zero point is on the grid."""
    [found] = nearest(WEIGHTS, [bits], 3)
    steps = found.scales.float().repeat_interleave(8, dim=1)
    away = (found.weights(torch.float32) - WEIGHTS).abs() / steps
    assert away.max() <= 0.5 + 2**bits / 2**10 + 0.5
    assert away.mean() < 0.3
    assert found.integers().max() == 2**bits - 1


def test_several_widths_are_what_they_are_alone() -> None:
    together = nearest(WEIGHTS, [2, 5], 3)
    for bits, found in zip([2, 5], together, strict=True):
        [alone] = nearest(WEIGHTS, [bits], 3)
        assert torch.equal(alone.weights(torch.float32), found.weights(torch.float32))


def test_zero_is_always_on_the_grid() -> None:
    low, high = torch.tensor([1.0, -3.0, 0.0, -1.0]), torch.tensor([2.0, -1.0, 0.0, 2.0])
    grid = fit(low, high, torch.tensor(3.0))
    assert grid.zero.tolist() == [0, 3, 0, 1]
    assert torch.equal(grid.values(grid.codes(torch.zeros(4))), torch.zeros(4))
    assert torch.isfinite(grid.scale).all()
    assert (grid.scale > 0).all()


def test_extremes_stay_within_float16() -> None:
    found = nearest(torch.tensor([[1e9, -1e9], [1e-30, 0.0]]), [4], 1)[0]
    assert torch.isfinite(found.weights(torch.float32)).all()
