"""Quantised weights whose errors later columns make up for, as GPTQ does.

Frantar et al., GPTQ: accurate post-training quantization for generative pre-trained transformers,
2023, https://arxiv.org/abs/2210.17323.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from problems.compression.levels.grid import Grid, fit, of_groups, tops
from problems.compression.levels.hessian import Factor
from problems.compression.levels.stored import Codes, coded
from problems.compression.levels.sweep import starts, sweep

if TYPE_CHECKING:
    from torch import Tensor


def gptq(weights: Tensor, factor: Factor, bits: Sequence[int], groups: int) -> list[Codes]:
    """Quantise weights to several widths in one sweep.

    A group's grid is laid when its first column is reached, so that it fits what earlier errors
    have made of the weights. If the columns are in an order of their own, all grids are laid
    beforehand, so that neighbouring weights still share them.

    Args:
        weights: Of shape ``(rows, columns)``, in float32.
        factor: Of their inputs.
        bits: Widths of the codes.
        groups: Number of groups in a row.

    Returns:
        The codes by width, in the columns' own order.
    """
    state = _Quantised(weights.masked_fill(factor.dead, 0), factor, bits, groups)
    bounds = starts(weights.shape[1], 0 if state.laid else state.size)
    sweep(state.weights, factor.lower, bounds, state.enter, state.change)
    return state.codes()


class _Quantised:
    """Weights that are being quantised, of shape ``(columns, widths * rows)``."""

    def __init__(self, weights: Tensor, factor: Factor, bits: Sequence[int], groups: int) -> None:
        import torch

        rows, columns = weights.shape
        self.shape, self.bits, self.order = (len(bits), rows), bits, factor.order
        self.size = columns // groups
        self.weights = weights.T[factor.order].repeat(1, len(bits))
        self.found = torch.empty_like(self.weights, dtype=torch.uint8)
        places = torch.arange(columns, device=factor.order.device)
        self.laid = not torch.equal(factor.order, places)
        self.group = [place // self.size for place in factor.order.tolist()]
        self.tops = tops(bits, weights).expand(-1, rows, 1).flatten()
        self.grids: dict[int, Grid] = {}
        if self.laid:
            static = of_groups(weights, bits, groups)
            parts = [each.flatten(0, 1) for each in (static.scale, static.zero, static.most)]
            for group in range(groups):
                self.grids[group] = Grid(*(part[:, group].contiguous() for part in parts))

    def enter(self, start: int, _: int) -> None:
        """Lay the grid of the group that starts here."""
        if not self.laid and start % self.size == 0:
            held = self.weights[start : start + self.size]
            self.grids[start // self.size] = fit(held.amin(0), held.amax(0), self.tops)

    def change(self, column: int, values: Tensor) -> Tensor:
        """Round a column."""
        grid = self.grids[self.group[column]]
        codes = grid.codes(values)
        self.found[column] = codes
        return grid.values(codes)

    def codes(self) -> list[Codes]:
        """Pack what was found."""
        import torch

        back = self.found[self.order.argsort()].view(-1, *self.shape).permute(1, 2, 0)
        grids = [self.grids[group] for group in range(len(self.grids))]
        scales = torch.stack([grid.scale for grid in grids], -1).view(*self.shape, -1)
        points = torch.stack([grid.zero for grid in grids], -1).view(*self.shape, -1)
        return [
            coded(codes, scales[place], points[place], self.bits[place])
            for place, codes in enumerate(back)
        ]
