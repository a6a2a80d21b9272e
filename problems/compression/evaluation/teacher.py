"""What the whole model says of each window, computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from problems.compression.evaluation.divergence import Head
from problems.compression.evaluation.stitched import Stitched

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 2048
"""Tokens of which the whole model's states are computed together."""


class Teacher:
    """The whole model's final states by window, as the head keeps them: about 4 bytes per feature.

    They are held outside of a graphics card.

    Args:
        stitched: The model; its original weights are used.
        head: The model's.
    """

    def __init__(self, stitched: Stitched, head: Head) -> None:
        self.stitched, self.head = stitched, head
        self._held: dict[bytes, Tensor] = {}

    def learn(self, windows: NDArray[np.int64]) -> None:
        """Compute what is not known yet of windows of shape ``(rows, length)``."""
        rows = {row.tobytes(): row for row in np.ascontiguousarray(windows, np.int64)}
        missing = [key for key in rows if key not in self._held]
        step = max(1, BATCH // windows.shape[1])
        for start in range(0, len(missing), step):
            keys = missing[start : start + step]
            found = self._kept(np.stack([rows[key] for key in keys])).cpu()
            self._held |= dict(zip(keys, found, strict=True))

    def kept(self, windows: NDArray[np.int64]) -> Tensor:
        """Return what the head keeps of all positions but the last of each window.

        Args:
            windows: Ids of shape ``(rows, length)``.

        Returns:
            Of shape ``(rows, length - 1, features)``, on the model's device.
        """
        import torch

        self.learn(windows)
        keys = [row.tobytes() for row in np.ascontiguousarray(windows, np.int64)]
        found = torch.stack([self._held[key] for key in keys])
        return found.to(self.stitched.blocks.lm.device)

    def _kept(self, ids: NDArray[np.int64]) -> Tensor:
        import torch

        self.stitched.restore()
        blocks = self.stitched.blocks
        with torch.inference_mode():
            entry = blocks.enter(torch.tensor(ids, device=blocks.lm.device))
            hidden = entry.hidden
            for index in range(len(blocks)):
                hidden = blocks.run(index, hidden, entry)
            return self.head.kept(blocks.leave(hidden[:, :-1]))
