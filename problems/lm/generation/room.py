"""Room: layers of a cache into which tokens are written in place."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def give_room(kept: Any, tokens: int) -> None:
    """Replace layers of a cache that copy all of their tokens for each new one.

    Layers of other kinds, such as those that keep only the latest tokens, stay as they are.

    Args:
        kept: A cache of transformers.
        tokens: How many more there is room for; if there are more, the room grows.
    """
    for place, layer in enumerate(kept.layers):
        if type(layer) is _roomy().__base__:
            kept.layers[place] = _roomy()(layer.keys, layer.values, tokens)


@cache
def _roomy() -> Any:
    """Return the class, as transformers is imported only where it is used."""
    from transformers.cache_utils import DynamicLayer

    class Roomy(DynamicLayer):  # type: ignore[misc]
        """A layer whose keys and values are the filled part of larger tensors."""

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

    return Roomy
