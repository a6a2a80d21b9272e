"""All levels of a block's layers made, from its weights and its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from problems.compression.layout import Level
from problems.compression.levels.costs import groups_of
from problems.compression.levels.gptq import gptq
from problems.compression.levels.grid import nearest
from problems.compression.levels.hessian import error, factor
from problems.compression.levels.pruning import magnitude, sparsegpt, wanda
from problems.compression.levels.settings import LevelSettings
from problems.compression.levels.stored import Stored, pruned

if TYPE_CHECKING:
    from torch import Tensor

Made = dict[str, Sequence[Stored]]
"""Of each layer its versions, in the order of its levels."""


def made(
    weights: Mapping[str, Tensor],
    inputs: Iterable[tuple[Sequence[str], Tensor]],
    levels: Mapping[str, tuple[Level, ...]],
    settings: LevelSettings,
) -> dict[str, Tensor]:
    """Make the levels of layers.

    Args:
        weights: Of each layer, of shape ``(rows, columns)``.
        inputs: The layers of each input, with its moments.
        levels: Of each layer.
        settings: The method, and what it is given.

    Returns:
        What is kept of each level, as ``LAYER.VALUE.PART``; with the errors of a layer's levels,
        ``LAYER.errors``, and the mean squares of its inputs, ``LAYER.squares``.
    """
    import torch

    make = _quantised if settings.kind == "bits" else _pruned
    found: dict[str, Tensor] = {}
    for names, moments in inputs:
        own = {name: weights[name] for name in names}
        for name, versions in make(own, moments, levels, settings).items():
            dense = weights[name].float()
            errors = [error(dense, each.weights(dense.dtype), moments) for each in versions]
            found[f"{name}.errors"] = torch.tensor(errors, dtype=torch.float64)
            found[f"{name}.squares"] = moments.diagonal().clone()
            for level, version in zip(levels[name], versions, strict=True):
                for part, tensor in version.tensors().items():
                    found[f"{name}.{level.value}.{part}"] = tensor
    return found


def _quantised(
    weights: Mapping[str, Tensor],
    moments: Tensor,
    levels: Mapping[str, tuple[Level, ...]],
    settings: LevelSettings,
) -> Made:
    """Quantise layers of one input."""
    groups = groups_of(len(moments), settings.group)
    inverse = factor(moments, settings.damping, settings.order) if _sweeps(settings) else None
    found: Made = {}
    for name, matrix in weights.items():
        bits = [level.value for level in levels[name]]
        if inverse is None:
            found[name] = nearest(matrix.float(), bits, groups)
        else:
            found[name] = gptq(matrix.float(), inverse, bits, groups)
    return found


def _pruned(
    weights: Mapping[str, Tensor],
    moments: Tensor,
    levels: Mapping[str, tuple[Level, ...]],
    settings: LevelSettings,
) -> Made:
    """Prune layers of one input."""
    inverse = factor(moments, settings.damping) if _sweeps(settings) else None
    found: Made = {}
    for name, matrix in weights.items():
        zeros, dense = [level.value for level in levels[name]], matrix.float()
        if inverse is not None:
            versions = sparsegpt(dense, inverse, zeros)
        elif settings.method == "wanda":
            versions = [(dense, kept) for kept in wanda(dense, moments.diagonal(), zeros)]
        else:
            versions = [(dense, kept) for kept in magnitude(dense, zeros)]
        found[name] = [pruned(held, kept, matrix.dtype) for held, kept in versions]
    return found


def _sweeps(settings: LevelSettings) -> bool:
    return settings.method in ("gptq", "sparsegpt")
