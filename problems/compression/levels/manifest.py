"""What a level database holds: its making, and the hash of each file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.llm.files import digest, write
from problems.compression.layout import Layout, Level
from problems.compression.levels.settings import LevelSettings
from problems.lm.load import LM

NAME = "manifest.json"
FORMAT = 1
"""Of the files."""
Wanted = Mapping[int, Mapping[str, tuple[Level, ...]]]
"""By block and layer the levels that are made."""


@dataclass(frozen=True)
class Manifest:
    """What the files of a folder are.

    Attributes:
        folder: Where they are.
        making: All that determines their content.
        hashes: Of each block that is done, the SHA-256 of its file.
    """

    folder: Path
    making: Mapping[str, Any]
    hashes: dict[int, str] = field(default_factory=dict)

    @cached_property
    def wanted(self) -> Wanted:
        """By block and layer the levels that are made."""
        return {
            int(block): {
                name: tuple(Level(self.settings.kind, value) for value in values)
                for name, values in layers.items()
            }
            for block, layers in self.making["levels"].items()
        }

    @cached_property
    def settings(self) -> LevelSettings:
        """How they are made."""
        return LevelSettings(**self.making["settings"])

    def file(self, block: int) -> Path:
        """Return a block's file."""
        return self.folder / f"block-{block:03d}.safetensors"

    def intact(self, block: int) -> bool:
        """Return whether a block's file is there, as it was written."""
        file, known = self.file(block), self.hashes.get(block)
        return known is not None and file.is_file() and digest(file) == known

    def write(self) -> None:
        """Write it to its folder."""
        hashes = {str(block): self.hashes[block] for block in sorted(self.hashes)}
        write(self.folder / NAME, json.dumps({**self.making, "sha256": hashes}, indent=1) + "\n")


def read(folder: Path) -> Manifest | None:
    """Return a folder's manifest; None if there is none that can be read."""
    try:
        held = json.loads((folder / NAME).read_text())
        hashes = {int(block): str(sha256) for block, sha256 in held.pop("sha256").items()}
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return Manifest(folder, held, hashes)


def making(
    lm: LM, layout: Layout, settings: LevelSettings, windows: NDArray[np.int64]
) -> dict[str, Any]:
    """Return all that determines what the files contain.

    Raises:
        EvollmError: If the method makes none of the levels of a layer.
    """
    levels: dict[str, dict[str, list[int]]] = {}
    for unit in layout.units:
        made = [level for level in unit.levels if level.kind in ("bits", "zeros")]
        for level in made:
            settings.check(level, str(unit))
        if made:
            of_block = levels.setdefault(str(unit.block), {})
            of_block[unit.name] = [level.value for level in made]
    if not levels:
        raise EvollmError("no layer is to be quantised or pruned: there are no levels to make")
    return {
        "format": FORMAT,
        "model": identity(lm),
        "text": hashlib.sha256(np.ascontiguousarray(windows, "<i8").tobytes()).hexdigest(),
        "shape": list(windows.shape),
        "settings": asdict(settings),
        "levels": levels,
    }


def identity(lm: LM) -> dict[str, str | None]:
    """Return what must be equal of two models for levels of one to be the other's."""
    known = {key: value for key, value in lm.fingerprint.items() if key != "name"}
    return {**known, "dtype": str(lm.dtype).removeprefix("torch.")}
