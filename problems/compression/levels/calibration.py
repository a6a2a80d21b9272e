"""Calibration text on its way through the blocks of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from problems.lm.blocks import Blocks, Entry

if TYPE_CHECKING:
    from torch import Tensor

TOKENS = 2048
"""About as many go through a block at a time."""


class Calibration:
    """The hidden states of all windows before a block; they wait in the CPU's memory.

    Args:
        blocks: Of the model.
        windows: Ids of shape ``(rows, length)``.
        tokens: About as many go through a block at a time.

    Attributes:
        hidden: What enters the next block, in batches of shape ``(rows, length, width)``.
    """

    def __init__(self, blocks: Blocks, windows: NDArray[np.int64], tokens: int = TOKENS) -> None:
        import torch

        rows = max(1, tokens // windows.shape[1])
        self.blocks = blocks
        self.hidden: list[Tensor] = []
        self._entries: dict[int, Entry] = {}  # what blocks are called with depends on the shape
        for start in range(0, len(windows), rows):
            ids = torch.from_numpy(windows[start : start + rows]).to(blocks.lm.device)
            entry = blocks.enter(ids)
            self._entries.setdefault(len(ids), entry)
            self.hidden.append(entry.hidden.cpu())

    def outputs(self, block: int) -> Iterator[Tensor]:
        """Yield what leaves a block, batch by batch, with its weights as they are."""
        for hidden in self.hidden:
            entry = self._entries[len(hidden)]
            yield self.blocks.run(block, hidden.to(self.blocks.lm.device), entry).cpu()


@contextmanager
def replaced(blocks: Blocks, block: int, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Give layers of a block other weights for a ``with`` block."""
    layers = {name: blocks.linear(block, name) for name in weights}
    own = {name: layer.weight.data for name, layer in layers.items()}
    try:
        for name, layer in layers.items():
            layer.weight.data = weights[name]
        yield
    finally:
        for name, layer in layers.items():
            layer.weight.data = own[name]
