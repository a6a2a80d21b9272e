"""Errors of levels, each weight's change weighted by what the loss says of it.

The expected rise of the loss is half the sum of squared changes, each times the weight's Fisher
information: the mean of its squared gradient over pieces of text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from problems.compression.baselines.knapsack import Errors
from problems.compression.layout import DENSE, Layout
from problems.lm.blocks import Blocks
from problems.lm.load import LM

if TYPE_CHECKING:
    from torch import Tensor

    from problems.compression.evaluation.stitched import WeightSource

Key = tuple[int, str]


def fisher_errors(
    lm: LM, layout: Layout, source: WeightSource, windows: NDArray[np.int64]
) -> Errors:
    """Return how much the loss is expected to rise with each level of each unit.

    Args:
        lm: The model, with its original weights; it must be in memory as a whole, and as much
            memory of the CPU again is needed.
        layout: The units.
        source: The weights of their levels, such as a level database.
        windows: Text, of which each piece is passed through the model and back by itself: ids of
            shape ``(rows, length)``.

    Returns:
        In nats a token; of sublayers nothing.

    Raises:
        EvollmError: If the model is streamed.
    """
    blocks = Blocks(lm)
    keys = [(unit.block, unit.name) for unit in layout.units if unit.linear]
    layers = {key: blocks.linear(*key) for key in keys}
    if any(layer.weight.is_meta for layer in layers.values()):
        raise EvollmError(
            f"{lm.name} is streamed, and squared gradients need the whole model: load it, or use "
            "the plain errors of layers"
        )
    squares = squared_gradients(lm, layers, windows)
    return [
        [
            _rise(squares[unit.block, unit.name], source, unit.block, unit.name, level)
            for level in unit.levels
        ]
        if unit.linear
        else []
        for unit in layout.units
    ]


def squared_gradients(
    lm: LM, layers: Mapping[Key, Any], windows: NDArray[np.int64]
) -> dict[Key, Tensor]:
    """Return the mean squared gradient of each weight, for the mean loss of a window.

    They are kept in the CPU's memory, in bfloat16 unless the model is of float32.

    Args:
        lm: The model.
        layers: Those that are wanted.
        windows: Ids of shape ``(rows, length)``.
    """
    import torch

    dtype = torch.float32 if lm.dtype == torch.float32 else torch.bfloat16
    sums = {key: torch.zeros(layer.weight.shape, dtype=dtype) for key, layer in layers.items()}
    with _collected(layers, sums):
        for window in windows:
            ids = torch.from_numpy(window[None]).to(lm.device)
            with torch.enable_grad():
                logits = lm.model(ids, use_cache=False).logits[0, :-1].float()
                loss = torch.nn.functional.cross_entropy(logits, ids[0, 1:])
                torch.autograd.backward(loss)
    return {key: each / len(windows) for key, each in sums.items()}


@contextmanager
def _collected(layers: Mapping[Key, Any], sums: Mapping[Key, Tensor]) -> Iterator[None]:
    """Add squared gradients up as they come, so that those of one layer are there at a time."""

    def added(key: Key) -> Any:
        def hook(weight: Any) -> None:
            sums[key].add_(weight.grad.float().square().cpu())
            weight.grad = None

        return hook

    hooks = []
    try:
        for key, layer in layers.items():
            layer.weight.requires_grad_(True)
            hooks.append(layer.weight.register_post_accumulate_grad_hook(added(key)))
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for layer in layers.values():
            layer.weight.requires_grad_(False)


def _rise(squares: Tensor, source: WeightSource, block: int, name: str, level: Any) -> float:
    import torch

    original = source.weight(block, name, DENSE).float()
    change = source.weight(block, name, level).float() - original
    weighted = change.square_() * squares.to(change.device)
    return float(weighted.sum(dtype=torch.float64)) / 2
