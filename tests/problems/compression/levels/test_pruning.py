"""Pruning: exact numbers of zeros, and which weights go."""

import torch

from problems.compression.levels.hessian import error, factor
from problems.compression.levels.pruning import lowest, magnitude, sparsegpt, spread, wanda
from tests.problems.compression.levels.test_gptq import COLUMNS, MOMENTS, WEIGHTS

ZEROS = [0, 1, 333, 801, 1599, WEIGHTS.numel()]


def test_numbers_of_zeros_are_exact() -> None:
    swept = sparsegpt(WEIGHTS, factor(MOMENTS, 0.01), ZEROS)
    masks = [magnitude(WEIGHTS, ZEROS), wanda(WEIGHTS, MOMENTS.diagonal(), ZEROS)]
    for kept in [*masks, [mask for _, mask in swept]]:
        assert [int((~mask).sum()) for mask in kept] == ZEROS
    for weights, mask in swept:
        assert torch.equal(weights != 0, mask)
    assert torch.equal(swept[0][0], WEIGHTS)


def test_magnitude_removes_the_smallest() -> None:
    [kept] = magnitude(torch.tensor([[3.0, -1.0], [0.5, -4.0]]), [2])
    assert kept.tolist() == [[True, False], [False, True]]


def test_wanda_removes_in_each_row_what_its_inputs_make_small() -> None:
    weights = torch.tensor([[3.0, -1.0, 2.0], [9.0, 8.0, 7.0]])
    [kept] = wanda(weights, torch.tensor([0.01, 1.0, 1.0]), [3])
    assert kept.tolist() == [[False, True, True], [False, True, False]]


def test_sparsegpt_is_better_than_wanda_which_is_better_than_magnitude() -> None:
    scaled = MOMENTS * torch.linspace(0.3, 3, COLUMNS) * torch.linspace(0.3, 3, COLUMNS)[:, None]
    zeros = [400, 800, 1200]
    swept = [weights for weights, _ in sparsegpt(WEIGHTS, factor(scaled, 0.01), zeros)]
    by_input = [WEIGHTS * kept for kept in wanda(WEIGHTS, scaled.diagonal(), zeros)]
    by_size = [WEIGHTS * kept for kept in magnitude(WEIGHTS, zeros)]
    for versions in zip(swept, by_input, by_size, strict=True):
        best, middle, worst = (error(WEIGHTS, version, scaled) for version in versions)
        assert best < 0.95 * middle < 0.9 * worst


def test_several_numbers_of_zeros_are_what_they_are_alone() -> None:
    inverse = factor(MOMENTS, 0.01)
    together = sparsegpt(WEIGHTS, inverse, [400, 800])
    [(alone, kept)] = sparsegpt(WEIGHTS, inverse, [800])
    assert (kept != together[1][1]).float().mean() < 0.01
    assert abs(error(WEIGHTS, alone, MOMENTS) - error(WEIGHTS, together[1][0], MOMENTS)) < 1e-3


def test_of_equal_scores_the_first_go() -> None:
    scores = torch.tensor([[1.0, 0.0, 1.0], [1.0, 2.0, 1.0]])
    assert lowest(scores, 3).tolist() == [[True, True, True], [False, False, False]]
    assert not lowest(scores, 0).any()


def test_a_number_is_divided_in_proportion() -> None:
    assert spread(3, [2, 2, 1]) == [1, 1, 1]
    assert spread(3, [4, 4, 4]) == [1, 1, 1]
    assert spread(12, [4, 4, 4]) == [4, 4, 4]
