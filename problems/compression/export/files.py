"""The files of a checkpoint: weights in one or several files, and what travels along."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from problems.lm.sources import Source

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 4 * 2**30
"""Bytes of tensors in one file at most; one larger tensor has a file of its own."""
ALONG = ("*.json", "*.txt", "*.model", "*.jinja", "*.py")
"""Patterns of the files of a tokenizer, and of the settings of generation."""
NOT_ALONG = ("config.json", "export.json", "codes.json")


def write_weights(
    folder: Path, tensors: Iterable[tuple[str, Tensor]], largest: int = LARGEST
) -> int:
    """Write tensors as transformers does: as one file, or as several with an index.

    Args:
        folder: Where.
        tensors: Names and tensors; no more of them are held than a file takes.
        largest: Bytes of tensors in a file.

    Returns:
        Bytes of all tensors.
    """
    parts: list[list[str]] = []
    batch: dict[str, Tensor] = {}
    sizes = [0]
    for name, tensor in tensors:
        if batch and sizes[-1] + tensor.nbytes > largest:
            parts.append(_write(folder, len(parts), batch))
            batch = {}
            sizes.append(0)
        batch[name] = tensor.detach().cpu().contiguous()
        sizes[-1] += tensor.nbytes
    parts.append(_write(folder, len(parts), batch))
    _name(folder, parts, sum(sizes))
    return sum(sizes)


def _write(folder: Path, number: int, tensors: dict[str, Tensor]) -> list[str]:
    from safetensors.torch import save_file

    whole = {name: _own(tensor) for name, tensor in tensors.items()}
    save_file(whole, folder / f"part-{number}", metadata={"format": "pt"})
    return list(tensors)


def _own(tensor: Tensor) -> Tensor:
    """Return a tensor that has its storage for itself, which the format demands."""
    whole = tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor if whole else tensor.clone()


def _name(folder: Path, parts: list[list[str]], size: int) -> None:
    """Give the files their names, which say how many there are, and write the index."""
    if len(parts) == 1:
        (folder / "part-0").rename(folder / "model.safetensors")
        return
    index: dict[str, str] = {}
    for number, names in enumerate(parts):
        file = f"model-{number + 1:05d}-of-{len(parts):05d}.safetensors"
        (folder / f"part-{number}").rename(folder / file)
        index |= dict.fromkeys(names, file)
    written = {"metadata": {"total_size": size}, "weight_map": index}
    (folder / "model.safetensors.index.json").write_text(json.dumps(written, indent=1), "utf-8")


def copy_along(source: Source, folder: Path) -> None:
    """Copy the tokenizer and the settings of generation."""
    for pattern in ALONG:
        for file in source.folder.glob(pattern):
            if file.name not in NOT_ALONG and not file.name.endswith(".index.json"):
                shutil.copyfile(file, folder / file.name)
