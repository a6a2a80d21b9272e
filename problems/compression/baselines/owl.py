"""Blocks pruned less where more weights stand out.

Yin et al., Outlier weighed layerwise sparsity (OWL), 2024, https://arxiv.org/abs/2310.05175.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from problems.compression.baselines.knapsack import within
from problems.compression.layout import DENSE, Genome, Layout, Level, Unit

if TYPE_CHECKING:
    from torch import Tensor

LAMBDAS = (0.02, 0.05, 0.08, 0.1, 0.2)
"""By how much a block's share of zeros may differ from the mean: the grid that is searched."""
MULTIPLES = (3.0, 5.0, 7.0, 10.0)
"""From how many times the mean on a weight stands out: the grid that is searched."""


class Inputs(Protocol):
    """What knows the weights and the inputs of layers, such as a level database."""

    def weight(self, block: int, name: str, level: Level) -> Tensor:
        """Return the weights of a layer at a level."""

    def squares(self, block: int, name: str) -> Tensor:
        """Return the mean square of each of a layer's inputs."""


def owl_grid(
    layout: Layout,
    source: Inputs,
    budget: int,
    lambdas: Sequence[float] = LAMBDAS,
    multiples: Sequence[float] = MULTIPLES,
) -> dict[tuple[float, float], Genome]:
    """Return levels for each setting of the method; the best is for a score to tell.

    Args:
        layout: Linear layers with numbers of zeros.
        source: Their weights and inputs.
        budget: Bytes of all layers.
        lambdas: By how much a block's share of zeros may differ from the mean.
        multiples: From how many times the mean of its block on a weight stands out.

    Returns:
        By lambda and multiple.

    Raises:
        EvollmError: If the layers are not pruned, or the budget can't be met.
    """
    if any(level.kind not in ("zeros", "dense") for unit in layout.units for level in unit.levels):
        raise EvollmError("OWL chooses numbers of zeros: it is no baseline for levels of others")
    ratios = outliers(layout, source, multiples)
    return {
        (spread, multiple): levels_near(
            layout, shares(layout, ratios[place], spread, budget), budget
        )
        for spread, (place, multiple) in product(lambdas, enumerate(multiples))
    }


def outliers(layout: Layout, source: Inputs, multiples: Sequence[float]) -> NDArray[np.float64]:
    """Return the share of weights in each block that stand out.

    A weight stands out if, scaled by the root mean square of its input, it is more than some
    multiple of the block's mean.

    Args:
        layout: Linear layers.
        source: Their weights and inputs.
        multiples: Of the mean.

    Returns:
        Of shape ``(multiples, blocks)``; 0 for blocks without layers.
    """
    found = np.zeros((len(multiples), layout.blocks))
    for block in sorted({unit.block for unit in layout.units}):
        units = [unit for unit in layout.units if unit.block == block]
        sizes = [_sizes(source, unit) for unit in units]
        count = sum(unit.size for unit in units)
        mean = sum(float(each.sum()) for each in sizes) / count
        for place, multiple in enumerate(multiples):
            above = sum(int((each > multiple * mean).sum()) for each in sizes)
            found[place, block] = above / count
    return found


def _sizes(source: Inputs, unit: Unit) -> Tensor:
    weights = source.weight(unit.block, unit.name, DENSE).float().abs()
    return weights * source.squares(unit.block, unit.name).sqrt()


def shares(
    layout: Layout, ratios: NDArray[np.float64], spread: float, budget: int
) -> NDArray[np.float64]:
    """Return the share of zeros in each block.

    Args:
        layout: Linear layers.
        ratios: Of each block the share of weights that stand out.
        spread: By how much a share may differ from the mean.
        budget: Bytes of all layers.
    """
    used = sorted({unit.block for unit in layout.units})
    weights = sum(unit.size for unit in layout.units)
    masks = sum(-(-unit.size // 8) for unit in layout.units)
    mean = 1 - (budget - masks) / 2 / weights
    range_ = float(np.ptp(ratios[used]))
    lowered = 2 * spread * (ratios - ratios[used].min()) / (range_ or 1.0)
    found: NDArray[np.float64] = mean - lowered + lowered[used].mean()
    return found


def levels_near(layout: Layout, wanted: NDArray[np.float64], budget: int) -> Genome:
    """Return the levels within a budget whose shares of zeros are nearest to those of blocks.

    Args:
        layout: Linear layers.
        wanted: Of each block the share of zeros.
        budget: Bytes of all layers; exactly as many are taken if any levels do.

    Raises:
        EvollmError: If no levels take so few.
    """
    away = [
        [unit.size * (level.value / unit.size - wanted[unit.block]) ** 2 for level in unit.levels]
        for unit in layout.units
    ]
    return within(layout, away, budget, exact=True)
