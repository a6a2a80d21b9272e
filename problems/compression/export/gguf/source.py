"""The weights of a model's layers in any type of a GGUF file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from problems.compression.export.gguf.types import rounded
from problems.compression.layout import DENSE, Level
from problems.lm.blocks import Blocks

if TYPE_CHECKING:
    from torch import Tensor


class TypedWeights:
    """A model's weights in types of a GGUF file, made when they are asked for.

    Types round each row by itself, so that it does not matter that such a file has the rows of some
    layers in another order.

    Args:
        blocks: The model; its weights of now are the original ones.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._original = {
            (index, linear.name): blocks.linear(index, linear.name).weight.detach()
            for index in range(len(blocks))
            for linear in blocks.linears[index]
        }

    def weight(self, block: int, name: str, level: Level) -> Tensor:
        """Return a layer's weights, in the model's precision and on its device."""
        original = self._original[block, name]
        return original if level == DENSE else rounded(original, level)
