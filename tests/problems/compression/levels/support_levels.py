"""Layouts of tiny models, and text to calibrate them on; a build that kills itself.

As a program its arguments are the model's folder and the database's: it dies once the file of the
second block is there, and before the manifest knows of it.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from problems.compression.layout import DENSE, Layout, Level, Unit
from problems.compression.levels.build import build
from problems.compression.levels.costs import cost
from problems.compression.levels.manifest import Manifest
from problems.compression.levels.settings import LevelSettings
from problems.lm import LM, load
from problems.lm.blocks import Blocks

WINDOWS = np.random.default_rng(0).integers(5, 300, (12, 64))
BITS = [Level("bits", bits) for bits in (2, 3, 4)]
GPTQ = LevelSettings(group=16, carry=3)
SHARES = (0.4, 0.6)


def layout(lm: LM, blocks: Sequence[int] = (0, 1, 2), bits: Sequence[Level] = BITS) -> Layout:
    """All linear layers of some blocks, with levels of bits."""
    return _layout(lm, blocks, lambda size: bits)


def sparse(lm: LM, blocks: Sequence[int] = (0, 1, 2)) -> Layout:
    """All linear layers of some blocks, with levels of zeros: an odd number of them."""
    return _layout(lm, blocks, lambda size: [Level("zeros", int(size * s) | 1) for s in SHARES])


def _layout(lm: LM, blocks: Sequence[int], levels: object) -> Layout:
    assert callable(levels)
    units = []
    for block in blocks:
        for layer in Blocks(lm).linears[block]:
            made = (*levels(layer.size), DENSE)
            costs = tuple(cost(*layer.shape, level, 16) for level in made)
            units.append(Unit(block, layer.name, layer.part, layer.size, made, costs))
    return Layout(tuple(units), 3)


def dying(model: str, folder: Path) -> None:
    """Build until the second block's file is there, and die."""
    original = Manifest.write

    def write(self: Manifest) -> None:
        if len(self.hashes) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        original(self)

    Manifest.write = write  # type: ignore[method-assign]
    lm = load(model)
    build(lm, layout(lm), GPTQ, WINDOWS, folder)


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)  # as the tests do
    dying(sys.argv[1], Path(sys.argv[2]))
