"""The configuration of a model with some of its blocks left out."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from evollm.errors import EvollmError

BEFORE = ("max_window_layers",)
"""Settings that name a block: those before it do one thing, and the rest another."""
UNKNOWN = ("num_kv_shared_layers", "cross_attention_layers", "full_attention_interval")
"""Settings that tie blocks together in ways that leaving some out would break."""


def shrunk(config: Any, kept: Sequence[int], name: str = "the model") -> Any:
    """Return the configuration of a model that has only some of the blocks.

    Lists with an entry for each block, such as ``layer_types``, keep the entries of those blocks;
    ``max_window_layers`` counts those that are left before it.

    Args:
        config: Of the whole model, which is not changed.
        kept: Indices of the blocks that stay, rising.
        name: Of the model, for the error.

    Raises:
        EvollmError: If no block stays, or the configuration ties blocks together.
    """
    if not kept:
        raise EvollmError(f"no block of {name} is left: drop fewer of them")
    small = copy.deepcopy(config)
    text = small.get_text_config()
    count = text.num_hidden_layers
    if list(kept) == list(range(count)):
        return small
    for key in UNKNOWN:
        if getattr(text, key, None):
            raise EvollmError(
                f"{name} can't be saved with fewer blocks, as its {key} ties them together: keep "
                "a part of each block"
            )
    for key, value in list(vars(text).items()):
        if "layer" in key and isinstance(value, list | tuple) and len(value) == count:
            setattr(text, key, type(value)(value[index] for index in kept))
        elif key in BEFORE and value is not None:
            setattr(text, key, sum(index < value for index in kept))
    text.num_hidden_layers = len(kept)
    return small
