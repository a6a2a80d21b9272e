"""Layouts of tiny models, and weights of levels made without a database."""

import numpy as np
import torch

from problems.compression.layout import DENSE, DROP, Genome, Layout, Level, Unit
from problems.lm.blocks import Blocks

BITS = (Level("bits", 2), Level("bits", 3), Level("bits", 4), DENSE)


def layout(blocks: Blocks, *, drop: bool = False, bits: bool = False) -> Layout:
    """Sublayers that can be dropped, or linear layers with bits, or both."""
    units = []
    for index, linears in enumerate(blocks.linears):
        for part in ("attention", "mlp"):
            own = [linear for linear in linears if linear.part == part]
            size = sum(linear.size for linear in own)
            if drop:
                cost = 0 if bits else 4 * size
                units.append(Unit(index, part, part, size, (DROP, DENSE), (0, cost)))
            if bits:
                units += [
                    Unit(
                        index,
                        each.name,
                        part,
                        each.size,
                        BITS,
                        tuple(each.size * b for b in (2, 3, 4, 32)),
                    )
                    for each in own
                ]
    return Layout(tuple(units), len(blocks))


class Rounded:
    """Weights rounded to nearest on a grid for each row."""

    def __init__(self, blocks: Blocks) -> None:
        self.original = {
            (index, each.name): blocks.linear(index, each.name).weight
            for index, linears in enumerate(blocks.linears)
            for each in linears
        }
        self.read: list[tuple[int, str, Level]] = []

    def weight(self, block: int, name: str, level: Level) -> torch.Tensor:
        self.read.append((block, name, level))
        weight = self.original[block, name].data
        if level == DENSE:
            return weight
        low, high = weight.amin(1, keepdim=True), weight.amax(1, keepdim=True)
        step = (high - low) / (2**level.value - 1)
        return torch.round((weight - low) / step) * step + low


def genomes(layout: Layout, count: int, seed: int = 0) -> list[Genome]:
    """Random levels, not all of them the highest."""
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, layout.tops + 1) for _ in range(2 * count))
    return [genome for genome in drawn if (genome < layout.tops).any()][:count]
