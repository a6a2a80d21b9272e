"""The level database built: block by block, each file once."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.llm.files import cache_folder, digest
from evollm.llm.locks import locked
from problems.compression.layout import Layout, Level
from problems.compression.levels.calibration import Calibration, replaced
from problems.compression.levels.costs import cost, groups_of
from problems.compression.levels.database import Levels
from problems.compression.levels.hessian import Inputs
from problems.compression.levels.making import made
from problems.compression.levels.manifest import Manifest, making, read
from problems.compression.levels.settings import LevelSettings
from problems.lm.blocks import Blocks
from problems.lm.devices import memory_of
from problems.lm.load import LM
from problems.lm.streaming import Shards, resident

if TYPE_CHECKING:
    from torch import Tensor

LOCK = "lock"
Progress = Callable[[int, int], None]
"""Called with the number of blocks that are done, and of all."""


def build(
    lm: LM,
    layout: Layout,
    settings: LevelSettings,
    windows: NDArray[np.int64],
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Levels:
    """Make all levels of a layout's layers that are not there yet.

    Each block is calibrated on what leaves the blocks before it, at the level that ``carry`` names.
    A build that was interrupted goes on with the first block that it lacks, and a damaged file is
    made anew by itself; the files are the same as if it had not happened. If somebody else builds
    in the folder, this waits.

    Args:
        lm: The model: from ``load``, or from ``stream`` if it is larger than the memory. Its
            weights must be the original ones.
        layout: The layers, and the levels of each; dense, dropped and whole sublayers are no
            matter of the database.
        settings: The method, and what it is given.
        windows: Calibration text: ids of shape ``(rows, length)``.
        folder: Where the files go; None for a folder of the cache that is named by all of this.
        progress: Called after each block.

    Raises:
        EvollmError: If the method does not make such levels, the groups do not divide the rows of a
            layer, the weights are not the original ones, the folder holds something else or has no
            room, or the memory does not suffice.
    """
    blocks, wanted = Blocks(lm), making(lm, layout, settings, windows)
    _check_groups(blocks, Manifest(Path(), wanted))
    folder = folder or _folder(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK):
        manifest = _opened(folder, wanted)
        missing = [block for block in manifest.wanted if not manifest.intact(block)]
        if missing:
            _check_room(blocks, manifest, missing)
            with memory_of(lm.source, str(lm.device)):
                _fill(blocks, manifest, missing, windows, progress)
    return Levels(folder, lm)


def _folder(wanted: Mapping[str, Any]) -> Path:
    name = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    return cache_folder("levels") / name[:24]


def _opened(folder: Path, wanted: Mapping[str, Any]) -> Manifest:
    """Return the folder's manifest, a new one if there is none.

    Raises:
        EvollmError: If it is of other levels.
    """
    found = read(folder)
    if found is None:
        found = Manifest(folder, wanted)
        found.write()
    for key, value in wanted.items():
        if found.making.get(key) != json.loads(json.dumps(value)):
            raise EvollmError(
                f"{folder} holds levels of another making (its {key} differs): name another "
                "folder, or delete it"
            )
    return found


def _check_groups(blocks: Blocks, manifest: Manifest) -> None:
    for block, layers in manifest.wanted.items():
        shapes = {layer.name: layer.shape for layer in blocks.linears[block]}
        for name in layers if manifest.settings.kind == "bits" else ():
            groups_of(shapes[name][1], manifest.settings.group, f"block {block} {name}")


def _check_room(blocks: Blocks, manifest: Manifest, missing: list[int]) -> None:
    needed = sum(
        cost(*layer.shape, level, manifest.settings.group)
        for block in missing
        for layer in blocks.linears[block]
        for level in manifest.wanted[block].get(layer.name, ())
    )
    free = shutil.disk_usage(manifest.folder).free
    if needed > free:
        raise EvollmError(
            f"the levels take {needed / 1e9:.1f} GB, and {manifest.folder} has {free / 1e9:.1f} GB "
            "left: name another folder, or choose fewer levels"
        )


def _fill(
    blocks: Blocks,
    manifest: Manifest,
    missing: list[int],
    windows: NDArray[np.int64],
    progress: Progress | None,
) -> None:
    """Make the files of missing blocks."""
    shards = _shards(blocks.lm)
    calibration, last = Calibration(blocks, windows), max(missing)
    for block in range(last + 1):
        with resident(blocks, block, shards):
            leaving = None
            if block in missing:
                _check_original(blocks, block, manifest.wanted[block], shards)
                leaving = _make(blocks, manifest, block, calibration)
                if progress:
                    done = sum(block >= each for each in manifest.wanted)
                    progress(done, len(manifest.wanted))
            if block < last:
                calibration.hidden = _carried(blocks, manifest, block, calibration, leaving)


def _shards(lm: LM) -> Shards | None:
    """Return the model's files, if tensors can be read from them one by one."""
    safe = all(file.suffix == ".safetensors" for file in lm.source.weights)
    return Shards(lm.source) if safe else None


def _check_original(
    blocks: Blocks, block: int, names: Iterable[str], shards: Shards | None
) -> None:
    """Refuse weights that are not those of the files, such as a level's that are still in place.

    Raises:
        EvollmError: By the name of the first.
    """
    for name in names:
        own = blocks.linear(block, name).weight
        tensor = blocks.tensor(block, f"{name}.weight")
        if shards is None or tensor not in shards.files:
            continue  # transformers has changed their form, or they are pickled
        found = shards.read({name: tensor}, {name: own})[name].to(own.device)
        if not found.equal(own):
            raise EvollmError(
                f"the weights of block {block} {name} are not those in the files of "
                f"{blocks.lm.name}: restore them before levels are made, or save the changed model"
            )


def _make(blocks: Blocks, manifest: Manifest, block: int, calibration: Calibration) -> list[Tensor]:
    """Make and write a block's levels; return what leaves the block as it is."""
    wanted = manifest.wanted[block]
    layers = {name: blocks.linear(block, name) for name in wanted}
    inputs, leaving = Inputs(layers), []
    outputs = calibration.outputs(block)
    while True:
        with inputs.watched():
            left = next(outputs, None)
        if left is None:
            break
        leaving.append(left)
    weights = {name: layer.weight.data for name, layer in layers.items()}
    tensors = made(weights, inputs.shared(), wanted, manifest.settings)
    _save(manifest, block, tensors)
    return leaving


def _save(manifest: Manifest, block: int, tensors: Mapping[str, Tensor]) -> None:
    """Write a block's file, then say in the manifest that it is there."""
    from safetensors.torch import save_file

    file = manifest.file(block)
    draft = file.with_suffix(".part")
    save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, draft)
    draft.replace(file)
    manifest.hashes[block] = digest(file)
    manifest.write()


def _carried(
    blocks: Blocks,
    manifest: Manifest,
    block: int,
    calibration: Calibration,
    leaving: list[Tensor] | None,
) -> list[Tensor]:
    """Return what the next block is given, from the files, so that a resumed build sees the same.

    Args:
        blocks: Of the model.
        manifest: Of the files.
        block: The block that is left.
        calibration: What enters it.
        leaving: What leaves it unchanged, if that is known.
    """
    chosen: dict[str, Level] = {}
    for name, levels in manifest.wanted.get(block, {}).items():
        size = blocks.linear(block, name).weight.numel()
        if (level := manifest.settings.carried(levels, size)) is not None:
            chosen[name] = level
    if not chosen:
        return leaving or list(calibration.outputs(block))
    stored = Levels(manifest.folder, blocks.lm)
    weights = {name: stored.weight(block, name, level) for name, level in chosen.items()}
    with replaced(blocks, block, weights):
        return list(calibration.outputs(block))
