"""Room: layers of a cache into which tokens are written in place; needs transformers."""

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicLayer


class Roomy(DynamicLayer):  # type: ignore[misc]
    """A layer whose keys and values are the filled part of larger tensors.

    Args:
        keys: Of shape ``(rows, heads, tokens, size)``.
        values: Likewise.
        room: Number of tokens for which there is room beside these; for more, the room grows.
    """

    _keys: Tensor
    _values: Tensor

    def __init__(self, keys: Tensor, values: Tensor, room: int) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self._room = room
        self._fill(keys, values)

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append tokens; return the keys and values of all."""
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        if end > self._keys.shape[-2]:
            self._fill(*super().update(key_states, value_states))
            return self.keys, self.values
        self._keys[..., start:end, :] = key_states
        self._values[..., start:end, :] = value_states
        self._show(end)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some rows."""
        length = self.keys.shape[-2]
        self._keys, self._values = self._keys[indices], self._values[indices]
        self._show(length)

    def _fill(self, keys: Tensor, values: Tensor) -> None:
        length = keys.shape[-2]
        shape = (*keys.shape[:-2], length + self._room, keys.shape[-1])
        self._keys, self._values = keys.new_empty(shape), values.new_empty(shape)
        self._keys[..., :length, :], self._values[..., :length, :] = keys, values
        self._show(length)

    def _show(self, length: int) -> None:
        self.keys, self.values = self._keys[..., :length, :], self._values[..., :length, :]


def give_room(cache: Any, tokens: int) -> None:
    """Replace the layers of a cache that copy all of their tokens for each new one.

    Layers of other kinds, such as those that keep only the latest tokens, stay as they are.

    Args:
        cache: A cache of transformers.
        tokens: How many more there is room for.
    """
    for place, layer in enumerate(cache.layers):
        if type(layer) is DynamicLayer:
            cache.layers[place] = Roomy(layer.keys, layer.values, tokens)
