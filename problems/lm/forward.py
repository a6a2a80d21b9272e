"""One pass through a model, whatever its version of transformers calls the arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from problems.lm.load import LM

if TYPE_CHECKING:
    from torch import Tensor


def empty_cache(lm: LM) -> Any:
    """Return a cache of keys and values that holds no position yet."""
    from transformers import DynamicCache

    return DynamicCache(config=lm.model.config)


def logits(
    lm: LM,
    ids: Tensor,
    *,
    mask: Tensor | None = None,
    positions: Tensor | None = None,
    cache: Any = None,
    last: int = 0,
    at: Tensor | None = None,
) -> Tensor:
    """Return the logits of tokens; no gradients are kept.

    Args:
        lm: The model.
        ids: Of shape ``(rows, tokens)``, on the model's device.
        mask: 1 for real tokens and 0 for padding, those in the cache included; or, of shape
            ``(rows, 1, tokens, all tokens)``, what is added to the scores of attention.
        positions: Of the tokens; None to count from the end of the cache.
        cache: From ``empty_cache``; the tokens are appended to it.
        last: Of how many last tokens; 0 for all.
        at: Instead, the places of the tokens whose logits are wanted: different ones, rising.

    Returns:
        Of shape ``(rows, tokens, vocabulary)``, in the model's precision.
    """
    import torch

    known = takes(lm)
    given: dict[str, Any] = {"attention_mask": mask, "position_ids": positions}
    if "use_cache" in known:
        given["use_cache"] = cache is not None
    if cache is not None:
        given["cache" if "cache" in known else "past_key_values"] = cache
    if "logits_to_keep" in known:
        given["logits_to_keep"] = _last(ids, last) if at is None else at
    with torch.inference_mode():
        found = lm.model(ids, **{k: v for k, v in given.items() if k in known}).logits
    if at is not None:
        return found if found.shape[1] == len(at) else found[:, at]  # type: ignore[no-any-return]
    return found[:, -last:] if last else found  # type: ignore[no-any-return]


def takes(lm: LM) -> frozenset[str]:
    """Return the names of what a model's pass takes."""
    return _arguments(type(lm.model).forward)


def _last(ids: Tensor, last: int) -> Any:
    """Return the places of the last tokens.

    A slice would do, but is not contiguous, and torch copies the head's weights for each row then.
    """
    import torch

    width = ids.shape[1]
    return torch.arange(width - last, width, device=ids.device) if 0 < last < width else 0


@cache
def _arguments(forward: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)
