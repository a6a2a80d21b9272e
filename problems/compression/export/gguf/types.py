"""The types of tensors in a GGUF file that the package ``gguf`` can quantise to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from problems.compression.layout import GGUF_TYPES, Level
from problems.lm.extra import require

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 32
"""Neighbouring weights of a row that are stored together."""
BYTES = {"Q4_0": 18, "Q4_1": 20, "Q5_0": 22, "Q5_1": 24, "Q8_0": 34}
"""Bytes of each block with its scale and its least value."""
NUMBERS = {name: number for number, name in GGUF_TYPES.items()}


def typed(name: str) -> Level:
    """Return the level of a type.

    Raises:
        EvollmError: If it is none of those.
    """
    if name not in NUMBERS:
        raise EvollmError(f"a type must be one of {', '.join(BYTES)}, not {name}")
    return Level("gguf", NUMBERS[name])


def gguf_cost(rows: int, columns: int, level: Level, name: str = "a layer") -> int:
    """Return the bytes that a layer takes in a GGUF file.

    Args:
        rows: Output features.
        columns: Input features.
        level: Of the kind gguf.
        name: Of the layer, for the error.

    Raises:
        EvollmError: If a row is not a whole number of blocks.
    """
    if columns % BLOCK:
        raise EvollmError(
            f"the {columns} inputs of {name} must be a multiple of {BLOCK} for a GGUF file: name "
            "another model"
        )
    return rows * columns // BLOCK * BYTES[str(level)]


def quantised(weights: NDArray[np.float32], level: Level) -> NDArray[np.uint8]:
    """Return the bytes of weights of shape ``(rows, columns)``, row by row."""
    require("gguf")
    from gguf import GGMLQuantizationType, quantize

    found: NDArray[np.uint8] = quantize(weights, GGMLQuantizationType(level.value))
    return found


def rounded(weights: Tensor, level: Level) -> Tensor:
    """Return weights as a GGUF file of that type gives them, in the same precision and place."""
    import torch
    from gguf import GGMLQuantizationType, dequantize

    kind: Any = GGMLQuantizationType(level.value)
    stored = quantised(weights.detach().float().cpu().numpy(), level)
    return torch.from_numpy(dequantize(stored, kind)).to(weights)
