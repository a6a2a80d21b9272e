"""Small integers packed to their bits.

Of a stream of values, value ``i`` takes the bits from ``i * bits`` on; bit ``j`` is bit ``j % 8``,
counted from the lowest, of byte ``j // 8``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def pack(values: Tensor, bits: int) -> Tensor:
    """Pack values to bytes.

    Args:
        values: Integers from 0 to ``2**bits - 1``, of any shape.
        bits: Of each, 1 to 8.

    Returns:
        Of type uint8 and of one dimension, as long as needed.
    """
    import torch

    flat = values.flatten()
    padded = torch.zeros(-(-len(flat) // 8) * 8, dtype=torch.int64, device=flat.device)
    padded[: len(flat)] = flat
    # Eight values fill as many bytes as each has bits.
    words = (padded.view(-1, 8) << _shifts(bits, padded)).sum(1)
    packed = words.view(torch.uint8).view(-1, 8)[:, :bits].flatten()
    return packed[: -(-len(flat) * bits // 8)].clone()


def unpack(packed: Tensor, bits: int, shape: tuple[int, ...]) -> Tensor:
    """Return values of type uint8 from what ``pack`` returned."""
    import torch

    count = torch.Size(shape).numel()
    if bits == 1:
        bytes_ = _spread(packed.device).index_select(0, packed.int())
        return bytes_.view(torch.uint8)[:count].view(shape)
    words = -(-count // 8)
    padded = torch.zeros(words * bits, dtype=torch.uint8, device=packed.device)
    padded[: len(packed)] = packed
    wide = torch.zeros(words, 8, dtype=torch.uint8, device=packed.device)
    wide[:, :bits] = padded.view(words, bits)
    values = wide.view(torch.int64) >> _shifts(bits, packed) & ((1 << bits) - 1)
    return values.to(torch.uint8).flatten()[:count].view(shape)


@cache
def _spread(device: torch.device) -> Tensor:
    """Return for each byte its eight bits, lowest first, as the eight bytes of an integer."""
    import torch

    bits = torch.arange(256, device=device)[:, None] >> torch.arange(8, device=device) & 1
    return bits.to(torch.uint8).view(torch.int64).flatten()


def _shifts(bits: int, like: Tensor) -> Tensor:
    import torch

    return torch.arange(0, 8 * bits, bits, device=like.device)
