"""Our codes of quantised layers, beside a checkpoint: for bit widths that no public format has.

``codes.safetensors`` holds for each layer ``NAME.codes``, ``NAME.scales`` and ``NAME.zeros``, where
NAME is the layer's in the checkpoint; ``codes.json`` says of each its bits and its shape. Codes and
zero points are packed as ``problems.compression.levels.packing`` says. Weight ``(row, column)`` is
``scales[row, g] * (codes[row, column] - zeros[row, g])`` with ``g = column // group``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evollm.errors import EvollmError
from evollm.paths import anchored
from problems.compression.export.folder import opened
from problems.compression.levels.stored import Codes

if TYPE_CHECKING:
    import torch

WEIGHTS, INDEX = "codes.safetensors", "codes.json"


def write_codes(folder: Path, layers: Mapping[str, Codes]) -> None:
    """Write the codes of layers.

    Args:
        folder: Of the checkpoint.
        layers: By the layer's name in the checkpoint.
    """
    from safetensors.torch import save_file

    tensors = {
        f"{name}.{part}": tensor.cpu().contiguous()
        for name, codes in layers.items()
        for part, tensor in codes.tensors().items()
    }
    save_file(tensors, folder / WEIGHTS)
    index = {
        name: {"bits": codes.bits, "shape": list(codes.shape), "group": codes.group}
        for name, codes in layers.items()
    }
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", "utf-8")


def read_codes(folder: str | Path) -> dict[str, Codes]:
    """Return the codes of an export's layers by their names.

    Args:
        folder: Of the export, which is checked by its digests.

    Raises:
        EvollmError: If it is no complete export, or has no codes.
    """
    from safetensors.torch import load_file

    place = anchored(folder)
    if INDEX not in opened(place)["files"]:
        raise EvollmError(f"{place} has no codes: none of its layers has bits, or it is packed")
    index: Mapping[str, Any] = json.loads((place / INDEX).read_text("utf-8"))
    tensors = load_file(place / WEIGHTS)
    return {
        name: Codes(
            said["bits"],
            (said["shape"][0], said["shape"][1]),
            **{part: tensors[f"{name}.{part}"] for part in ("codes", "scales", "zeros")},
        )
        for name, said in index.items()
    }


def dequantised(folder: str | Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Return the dense weights of an export's quantised layers, from its codes alone.

    Args:
        folder: Of the export.
        dtype: Of the weights.

    Raises:
        EvollmError: As ``read_codes``.
    """
    return {name: codes.weights(dtype) for name, codes in read_codes(folder).items()}
