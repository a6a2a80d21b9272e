"""Weights of which exactly a given number is zero."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from problems.compression.levels.hessian import Factor
from problems.compression.levels.sweep import starts, sweep

if TYPE_CHECKING:
    from torch import Tensor

ROOM = 1 << 28
"""Most numbers that a sweep holds at a time."""


def magnitude(weights: Tensor, zeros: Sequence[int]) -> list[Tensor]:
    """Keep the largest weights of a layer.

    Args:
        weights: Of shape ``(rows, columns)``.
        zeros: How many are not kept, for each version.

    Returns:
        For each version a mask of those that are kept.
    """
    import torch

    order = weights.abs().flatten().argsort(stable=True)
    found = []
    for count in zeros:
        kept = torch.ones_like(order, dtype=torch.bool)
        kept[order[:count]] = False
        found.append(kept.view_as(weights))
    return found


def wanda(weights: Tensor, squares: Tensor, zeros: Sequence[int]) -> list[Tensor]:
    """Keep in each row the weights that are largest after scaling by the size of their inputs.

    Sun et al., A simple and effective pruning approach for large language models, 2024,
    https://arxiv.org/abs/2306.11695. Zeros are spread evenly over the rows.

    Args:
        weights: Of shape ``(rows, columns)``.
        squares: Mean squares of the inputs, of shape ``(columns,)``.
        zeros: How many are not kept, for each version.

    Returns:
        For each version a mask of those that are kept.
    """
    import torch

    rows, columns = weights.shape
    order = (weights.abs() * squares.sqrt()).argsort(dim=1, stable=True)
    places = torch.arange(columns, device=weights.device)
    found = []
    for count in zeros:
        gone = torch.tensor(spread(count, [columns] * rows), device=weights.device)
        later = places >= gone[:, None]
        found.append(torch.empty_like(later).scatter_(1, order, later))
    return found


def sparsegpt(weights: Tensor, factor: Factor, zeros: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
    """Remove the weights that matter least, and let later columns make up for them.

    Frantar and Alistarh, SparseGPT: massive language models can be accurately pruned in one-shot,
    2023, https://arxiv.org/abs/2301.00774. Zeros are spread evenly over blocks of columns.

    Args:
        weights: Of shape ``(rows, columns)``, in float32.
        factor: Of their inputs, in the columns' own order.
        zeros: How many are not kept, for each version.

    Returns:
        For each version the weights and a mask of those that are kept.
    """
    found: list[tuple[Tensor, Tensor]] = []
    most = max(1, ROOM // weights.numel())
    cleared = weights.masked_fill(factor.dead, 0)
    for start in range(0, len(zeros), most):
        found += _swept(cleared, factor, zeros[start : start + most])
    return found


def _swept(weights: Tensor, factor: Factor, zeros: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
    import torch

    rows, columns = weights.shape
    held = weights.T.repeat(1, len(zeros))
    kept = torch.ones_like(held, dtype=torch.bool)
    bounds = starts(columns)
    sizes = [rows * (stop - start) for start, stop in pairwise(bounds)]
    counts = {
        start: each
        for start, *each in zip(bounds, *(spread(count, sizes) for count in zeros), strict=False)
    }

    def enter(start: int, stop: int) -> None:
        scale = factor.lower.diagonal()[start:stop, None]
        scores = (held[start:stop] / scale).square_().view(stop - start, len(zeros), rows)
        marks = kept[start:stop].view_as(scores)
        for place, count in enumerate(counts[start]):
            marks[:, place] = ~lowest(scores[:, place], count)

    sweep(held, factor.lower, bounds, enter, lambda column, values: values * kept[column])
    places = [slice(start, start + rows) for start in range(0, held.shape[1], rows)]
    return [(held[:, place].T, kept[:, place].T) for place in places]


def lowest(scores: Tensor, count: int) -> Tensor:
    """Return a mask of exactly so many of the lowest scores; of equal ones the first."""
    import torch

    flat = scores.flatten()
    if count <= 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    bar = flat.kthvalue(count).values
    below, equal = flat < bar, flat == bar
    wanted = count - int(below.sum())
    return (below | (equal & (equal.cumsum(0) <= wanted))).view_as(scores)


def spread(total: int, sizes: Sequence[int]) -> list[int]:
    """Divide a number among parts in proportion to their sizes; the sum is exact."""
    whole = sum(sizes)
    ends = [total * end // whole for end in accumulate(sizes)]
    return [stop - start for start, stop in pairwise([0, *ends])]
