"""Grids of evenly spaced values from the least to the largest weight of a group, and through 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from problems.compression.levels.stored import Codes, coded

if TYPE_CHECKING:
    from torch import Tensor

LEAST, MOST = 2.0**-24, 65504.0
"""Of the positive float16 numbers."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the values of groups lie.

    Attributes:
        scale: Distance of two values: a float16 in a float32.
        zero: The code that stands for 0: a whole number in a float32.
        most: The largest code.
    """

    scale: Tensor
    zero: Tensor
    most: Tensor

    def codes(self, values: Tensor) -> Tensor:
        """Return the codes of the nearest values, as float32."""
        return (values / self.scale + self.zero).round_().clamp_(min=0).minimum(self.most)

    def values(self, codes: Tensor) -> Tensor:
        """Return what codes stand for."""
        return (codes - self.zero) * self.scale


def fit(low: Tensor, high: Tensor, most: Tensor) -> Grid:
    """Return the grid from the least to the largest weight.

    Args:
        low: The least weight of each group.
        high: And the largest one.
        most: The largest code, broadcast with them.
    """
    import torch

    low, high = low.clamp(max=0), high.clamp(min=0)
    scale = ((high - low) / most).clamp(LEAST, MOST).to(torch.float16).float()
    zero = (-low / scale).round().clamp(min=0).minimum(most)
    return Grid(scale, zero, most.expand_as(zero))


def tops(bits: Sequence[int], like: Tensor) -> Tensor:
    """Return the largest codes of several widths, of shape ``(widths, 1, 1)``."""
    return like.new_tensor([2.0**each - 1 for each in bits])[:, None, None]


def nearest(weights: Tensor, bits: Sequence[int], groups: int) -> list[Codes]:
    """Round weights to the nearest value of their group's grid.

    Args:
        weights: Of shape ``(rows, columns)``, in float32.
        bits: Widths of the codes.
        groups: Number of groups in a row.

    Returns:
        The codes by width.
    """
    grid = of_groups(weights, bits, groups)
    grouped = weights.view(len(weights), groups, -1)
    found = []
    for place, width in enumerate(bits):
        own = Grid(*(part[place, :, :, None] for part in (grid.scale, grid.zero, grid.most)))
        codes = own.codes(grouped).view_as(weights)
        found.append(coded(codes, grid.scale[place], grid.zero[place], width))
    return found


def of_groups(weights: Tensor, bits: Sequence[int], groups: int) -> Grid:
    """Return the grids of a matrix, of shape ``(widths, rows, groups)``."""
    grouped = weights.view(len(weights), groups, -1)
    return fit(grouped.amin(-1)[None], grouped.amax(-1)[None], tops(bits, weights))
