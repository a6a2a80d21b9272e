"""What the whole model says of each window, computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from problems.compression.evaluation.stitched import Stitched

if TYPE_CHECKING:
    from torch import Tensor

    from problems.lm.blocks import Entry


class Teacher:
    """The final normed hidden states of the whole model, by window.

    Args:
        stitched: The model; its original weights are used.
    """

    def __init__(self, stitched: Stitched) -> None:
        self.stitched = stitched
        self._held: dict[bytes, Tensor] = {}

    def states(self, ids: NDArray[np.int64]) -> Tensor:
        """Return the normed states of windows, of shape ``(rows, tokens, width)``."""
        import torch

        keys = [row.tobytes() for row in np.ascontiguousarray(ids, np.int64)]
        missing = [place for place, key in enumerate(keys) if key not in self._held]
        if missing:
            device = self.stitched.blocks.lm.device
            found = self._computed(torch.tensor(ids[missing], device=device))
            self._held |= {keys[place]: one for place, one in zip(missing, found, strict=True)}
        return torch.stack([self._held[key] for key in keys])

    def _computed(self, ids: Tensor) -> Tensor:
        self.stitched.restore()
        blocks = self.stitched.blocks
        entry: Entry = blocks.enter(ids)
        hidden = entry.hidden
        for index in range(len(blocks)):
            hidden = blocks.run(index, hidden, entry)
        return blocks.leave(hidden)
