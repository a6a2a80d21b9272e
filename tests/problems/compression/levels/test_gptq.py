"""GPTQ beside the textbook: one column at a time, with the inverse in full."""

import pytest
import torch

from problems.compression.levels.gptq import gptq
from problems.compression.levels.grid import Grid, nearest, of_groups
from problems.compression.levels.hessian import error, factor
from tests.support_each import each

RNG = torch.Generator().manual_seed(0)
COLUMNS = 160
MIXED = torch.randn(600, 40, generator=RNG) @ torch.randn(40, COLUMNS, generator=RNG)
MIXED += 0.3 * torch.randn(600, COLUMNS, generator=RNG)
MOMENTS = MIXED.T @ MIXED / 600
WEIGHTS = torch.randn(10, COLUMNS, generator=RNG)


def textbook(order: list[int]) -> torch.Tensor:
    """Quantise to 3 bits on grids laid beforehand, in groups of 16."""
    grid = of_groups(WEIGHTS, [3], 10)
    weights = WEIGHTS.double().clone()
    damped = MOMENTS.double()
    damped += 0.01 * damped.diagonal().mean() * torch.eye(COLUMNS)
    left = list(order)
    for column in order:
        inverse = damped[left][:, left].inverse()
        own = Grid(*(part[0, :, column // 16] for part in (grid.scale, grid.zero, grid.most)))
        value = own.values(own.codes(weights[:, column]))
        rest = left[1:]
        missed = (weights[:, column] - value) / inverse[0, 0]
        weights[:, rest] -= missed[:, None] * inverse[0, 1:]
        weights[:, column] = value
        left = rest
    return weights.float()


def test_in_the_order_of_inputs_it_is_the_textbooks() -> None:
    """Over more columns than a block has; in float64, as a weight may lie between two values."""
    ordered = factor(MOMENTS.double(), 0.01, ordered=True)
    [found] = gptq(WEIGHTS.double(), ordered, [3], 10)
    expected = textbook(ordered.order.tolist())
    assert torch.allclose(found.weights(torch.float32), expected, atol=1e-5)


@each(("groups", "ordered"), [(1, False), (10, False), (20, False), (1, True), (10, True)])
def test_errors_are_below_those_of_rounding(groups: int, ordered: bool) -> None:
    """For all widths; whole rows, groups that start within a block of columns, and small ones."""
    bits = [2, 3, 4, 5, 6, 8]
    found = gptq(WEIGHTS, factor(MOMENTS, 0.01, ordered), bits, groups)
    for mine, rounded in zip(found, nearest(WEIGHTS, bits, groups), strict=True):
        errors = [error(WEIGHTS, each.weights(torch.float32), MOMENTS) for each in (mine, rounded)]
        assert errors[0] < 0.8 * errors[1]


@each("ordered", [False, True])
def test_several_widths_are_what_they_are_alone(ordered: bool) -> None:
    inverse = factor(MOMENTS, 0.01, ordered)
    for bits, found in zip([2, 4], gptq(WEIGHTS, inverse, [2, 4], 10), strict=True):
        [alone] = gptq(WEIGHTS, inverse, [bits], 10)
        errors = [error(WEIGHTS, each.weights(torch.float32), MOMENTS) for each in (found, alone)]
        assert errors[0] == pytest.approx(errors[1], rel=0.02)
        assert (found.integers() != alone.integers()).float().mean() < 0.01


def test_independent_inputs_leave_nothing_to_make_up_for() -> None:
    [found] = gptq(WEIGHTS, factor(torch.eye(COLUMNS), 0.0), [3], 10)
    [rounded] = nearest(WEIGHTS, [3], 10)
    assert torch.equal(found.weights(torch.float32), rounded.weights(torch.float32))


def test_columns_without_input_become_zero() -> None:
    moments = MOMENTS.clone()
    moments[7], moments[:, 7] = 0, 0
    [found] = gptq(WEIGHTS, factor(moments, 0.01, ordered=True), [4], 10)
    assert not found.weights(torch.float32)[:, 7].any()
