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
        """Compute what is not known yet of windows of shape ``(rows, length)``.

        All go through a block before the next one is needed, which matters if it is streamed.
        """
        rows = {row.tobytes(): row for row in np.ascontiguousarray(windows, np.int64)}
        missing = {key: row for key, row in rows.items() if key not in self._held}
        if missing:
            step = max(1, BATCH // windows.shape[1])
            ids = np.stack(list(missing.values()))
            parts = self._states([ids[start : start + step] for start in range(0, len(ids), step)])
            found = (one for part in parts for one in self._kept(part))
            self._held |= dict(zip(missing, found, strict=True))

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

    def _states(self, batches: list[NDArray[np.int64]]) -> list[Tensor]:
        """Return what leaves the last block."""
        import torch

        blocks, device = self.stitched.blocks, self.stitched.blocks.lm.device
        with torch.inference_mode():
            entries = [blocks.enter(torch.tensor(ids, device=device)) for ids in batches]
            calls = {entry.hidden.shape: entry for entry in entries}
            states = [entry.hidden.cpu() for entry in entries]
            for index in range(len(blocks)):
                config = self.stitched.dense(index)
                for place, hidden in enumerate(states):
                    entry = calls[hidden.shape]
                    states[place] = self.stitched.run(index, config, hidden.to(device), entry).cpu()
        return states

    def _kept(self, states: Tensor) -> Tensor:
        import torch

        blocks = self.stitched.blocks
        with torch.inference_mode():
            normed = blocks.leave(states[:, :-1].to(blocks.lm.device))
            return self.head.kept(normed).cpu()
