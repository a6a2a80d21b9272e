"""Quantised layers in the format ``pack-quantized`` of the package compressed-tensors.

Each layer has bits of its own. ``transformers`` loads it on a CPU with compressed-tensors 0.17; its
versions 0.18 to 0.20 take no zero points of groups there. Codes of 3 bits take 3.2, as 10 of them
share 32 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from problems.compression.levels.stored import Codes

if TYPE_CHECKING:
    from torch import Tensor

BITS = frozenset((2, 3, 4, 8))
"""Widths that the format is used for."""
FORMAT = "pack-quantized"
WORD = 32


def packed(codes: Codes) -> dict[str, Tensor]:
    """Return a layer's tensors by their names in the layer."""
    import torch

    points = _words(codes.points().T, codes.bits).T
    return {
        "weight_packed": _words(codes.integers(), codes.bits),
        "weight_scale": codes.scales,
        "weight_zero_point": points.contiguous(),
        "weight_shape": torch.tensor(codes.shape),
    }


def described(layers: Mapping[str, Codes]) -> dict[str, Any]:
    """Return what ``config.json`` says as ``quantization_config``.

    Args:
        layers: Codes by the layer's name in the checkpoint; all others are not quantised.
    """
    kinds: dict[tuple[int, int], list[str]] = {}
    for name, codes in layers.items():
        whole = codes.scales.shape[1] == 1
        kinds.setdefault((codes.bits, 0 if whole else codes.group), []).append(name)
    groups = {
        f"bits_{bits}_group_{group or 'row'}": {
            "targets": names,
            "weights": _arguments(bits, group),
            "input_activations": None,
            "output_activations": None,
            "format": FORMAT,
        }
        for (bits, group), names in sorted(kinds.items())
    }
    return {
        "quant_method": "compressed-tensors",
        "format": FORMAT,
        "quantization_status": "compressed",
        "config_groups": groups,
        "ignore": [],
    }


def _arguments(bits: int, group: int) -> dict[str, Any]:
    strategy = {"strategy": "group", "group_size": group} if group else {"strategy": "channel"}
    return {"num_bits": bits, "type": "int", "symmetric": False, "dynamic": False, **strategy}


def _words(values: Tensor, bits: int) -> Tensor:
    """Pack the values of each row to words of 32 bits, the first in the lowest bits."""
    import torch

    each = WORD // bits
    rows, columns = values.shape
    padded = torch.zeros(rows, -(-columns // each) * each, dtype=torch.int64, device=values.device)
    padded[:, :columns] = values
    shifts = torch.arange(0, each * bits, bits, device=values.device)
    words = (padded.view(rows, -1, each) << shifts).sum(-1)
    signed = words - ((words >> (WORD - 1)) << WORD)
    return signed.to(torch.int32)
