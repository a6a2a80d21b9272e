"""Weights as they are kept."""

import torch

from problems.compression.levels.stored import coded, pruned


def test_codes_stand_for_multiples_of_their_groups_scale() -> None:
    codes = torch.tensor([[0, 1, 2, 3], [3, 3, 0, 0]])
    scales, points = torch.tensor([[0.5, 2.0], [1.0, 1.0]]), torch.tensor([[1, 0], [3, 2]])
    kept = coded(codes, scales, points, 2)
    assert kept.group == 2
    assert kept.weights(torch.float32).tolist() == [[-0.5, 0, 4, 6], [0, 0, -2, -2]]
    assert torch.equal(kept.integers(), codes.to(torch.uint8))
    assert torch.equal(kept.points(), points.to(torch.uint8))
    assert [tensor.nbytes for tensor in kept.tensors().values()] == [2, 8, 1]


def test_pruned_weights_keep_their_places() -> None:
    weights = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    kept = pruned(weights, torch.tensor([[1, 0, 1], [0, 0, 1]]).bool(), torch.float32)
    assert kept.weights(torch.float32).tolist() == [[1, 0, 3], [0, 0, 6]]
    assert [tensor.nbytes for tensor in kept.tensors().values()] == [1, 3 * 2]
    assert pruned(weights, weights > 0, torch.bfloat16).values.dtype == torch.bfloat16
