"""Layers of a model and the tensors of a GGUF file that they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evollm.errors import EvollmError
from problems.lm.blocks import Blocks

if TYPE_CHECKING:
    from torch import Tensor

REORDERED = ("attn_q", "attn_k")
"""Layers whose rows the architecture llama has in another order."""
SUFFIXES = (".weight", ".bias")


class Names:
    """What a model's tensors are called in a GGUF file, and how their rows are ordered there.

    Args:
        blocks: The model.
        architecture: As the file names it, such as ``llama``.

    Raises:
        EvollmError: If the package ``gguf`` does not know the architecture.
    """

    def __init__(self, blocks: Blocks, architecture: str) -> None:
        from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, get_tensor_name_map

        known = {name: kind for kind, name in MODEL_ARCH_NAMES.items()}
        if architecture not in known:
            raise EvollmError(
                f"the package gguf does not know the architecture {architecture}: upgrade it, or "
                "name another file"
            )
        self.blocks, self.architecture = blocks, architecture
        kind = known[architecture]
        self._map: Any = get_tensor_name_map(kind, len(blocks))
        self._reorders = kind == MODEL_ARCH.LLAMA
        config = blocks.lm.model.config.get_text_config()
        heads = config.num_attention_heads
        self._heads = {
            REORDERED[0]: heads,
            REORDERED[1]: getattr(config, "num_key_value_heads", None) or heads,
        }

    def of(self, name: str) -> str:
        """Return the name in the file of one of the model's tensors.

        Raises:
            EvollmError: If it has none.
        """
        found = self._map.get_name(name, try_suffixes=SUFFIXES)
        if found is None:
            raise EvollmError(
                f"{name} has no name in a GGUF file of the architecture {self.architecture}"
            )
        return str(found)

    def linear(self, index: int, name: str) -> str:
        """Return the name in the file of a linear layer's weights."""
        return self.of(f"{self.blocks.tensor(index, name)}.weight")

    def ordered(self, file_name: str, tensor: Tensor) -> Tensor:
        """Return a tensor with its rows as the file has them.

        Rotary embeddings turn pairs of rows: in the model, row ``i`` of the first half of a head
        and row ``i`` of the second half; in files of llama, neighbours.
        """
        heads = self._heads.get(file_name.split(".")[-2])
        if not self._reorders or heads is None:
            return tensor
        halves = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, *tensor.shape[1:])
        return halves.swapaxes(1, 2).reshape(tensor.shape)
