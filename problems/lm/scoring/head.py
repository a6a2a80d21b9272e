"""A model whose output matrix has only the rows that are needed, in single precision."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from problems.lm.forward import logits
from problems.lm.load import LM

if TYPE_CHECKING:
    from torch import Tensor


def narrowed(lm: LM, ids: Sequence[int]) -> LM | None:
    """Return a model that computes the logits of a few tokens, and shares all else with ``lm``.

    What a family does with its logits (scales them, bounds them, adds a bias) is done as before,
    but in single precision.

    Args:
        lm: A model.
        ids: The tokens, in the order of the logits.

    Returns:
        None if the model does not use its output matrix as others do: shown by a trial.
    """
    import torch

    head = lm.model.get_output_embeddings()
    path = next((name for name, part in lm.model.named_modules() if part is head), None)
    if path is None or not isinstance(head, torch.nn.Linear):
        return None
    model = _grafted(lm.model, path.split("."), _rows(head, ids))
    found = replace(lm, model=model, vocabulary=len(ids))
    trial = torch.tensor([[*lm.before, *ids]], device=lm.device)
    whole, few = logits(lm, trial)[..., list(ids)].float(), logits(found, trial)
    return found if few.shape == whole.shape and close(lm, whole, few) else None


def close(lm: LM, one: Tensor, other: Tensor) -> bool:
    """Return whether logits differ by no more than the rounding of a model's precision."""
    import torch

    share = 1e-3 if lm.dtype == torch.float32 else 0.05
    return bool((one - other).abs().max() <= share * one.abs().max())


def _rows(head: Any, ids: Sequence[int]) -> Any:
    """Return some rows of an output matrix as a layer that computes in single precision."""
    import torch

    made = torch.nn.Linear(head.in_features, len(ids), bias=head.bias is not None, device="meta")
    for name, weights in head.named_parameters():
        kept = weights.detach()[list(ids)].float()
        setattr(made, name, torch.nn.Parameter(kept, requires_grad=False))
    made.register_forward_pre_hook(lambda _, given: (given[0].float(),))
    return made


def _grafted(module: Any, path: list[str], part: Any) -> Any:
    """Return a module with another part, sharing all others, which stay as they are."""
    if not path:
        return part
    made = copy(module)
    made._modules = dict(module._modules)
    made._modules[path[0]] = _grafted(module._modules[path[0]], path[1:], part)
    return made
