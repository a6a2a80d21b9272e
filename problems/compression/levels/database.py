"""The levels of a model's layers, read from their files by memory map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evollm.errors import EvollmError
from problems.compression.layout import DENSE, Level
from problems.compression.levels.costs import cost
from problems.compression.levels.manifest import identity, read
from problems.compression.levels.stored import Codes, Stored, restored
from problems.lm.blocks import Blocks
from problems.lm.load import LM
from problems.lm.streaming import Shards

if TYPE_CHECKING:
    from torch import Tensor


class Levels:
    """A database of levels, and the model's own weights beside them.

    A block's file is opened when it is first needed, and its hash is compared then. Nothing is kept
    in memory but the original weights of a loaded model, which are the model's own tensors: open
    the database before any of them is replaced.

    Args:
        folder: Where ``build`` has put the files.
        lm: The model that they were made of, loaded or streamed.

    Attributes:
        folder: Where the files are.
        manifest: What they are.

    Raises:
        EvollmError: If there is no database, or it is of another model or precision.
    """

    def __init__(self, folder: Path, lm: LM) -> None:
        found = read(folder)
        if found is None:
            raise EvollmError(f"there is no level database in {folder}: build it first")
        if found.making.get("model") != identity(lm):
            raise EvollmError(
                f"the levels in {folder} are of another model or precision than {lm!r}: name "
                "another folder"
            )
        self.folder, self.manifest = folder, found
        self._lm, self._blocks = lm, Blocks(lm)
        self._wanted, self._files = found.wanted, dict[int, Any]()
        self._original: dict[tuple[int, str], Tensor] = {
            (block, layer.name): self._blocks.linear(block, layer.name).weight.detach()
            for block, layers in enumerate(self._blocks.linears)
            for layer in layers
        }
        self._shards: Shards | None = None

    def weight(self, block: int, name: str, level: Level) -> Tensor:
        """Return a layer's weights, in the model's precision and on its device.

        Args:
            block: Index of the block.
            name: Of the layer within it.
            level: ``DENSE`` for the original weights, or a level that was made.

        Raises:
            EvollmError: If the level was not made, or its file is damaged.
        """
        if level == DENSE:
            return self._dense(block, name)
        return self.stored(block, name, level).weights(self._lm.dtype)

    def codes(self, block: int, name: str, level: Level) -> Codes:
        """Return a layer's codes, scales and zero points, on the model's device.

        Raises:
            EvollmError: As ``weight``; or if the level has none.
        """
        found = self.stored(block, name, level)
        if not isinstance(found, Codes):
            raise EvollmError(f"{level} of block {block} {name} has no codes: name one of bits")
        return found

    def stored(self, block: int, name: str, level: Level) -> Stored:
        """Return a layer's weights as they are kept, on the model's device.

        Raises:
            EvollmError: As ``weight``.
        """
        self._place(block, name, level)
        parts = ("codes", "scales", "zeros") if level.kind == "bits" else ("mask", "values")
        tensors = {
            part: self._tensor(block, f"{name}.{level.value}.{part}").to(self._lm.device)
            for part in parts
        }
        return restored(level, self._shape(block, name), tensors)

    def error(self, block: int, name: str, level: Level) -> float:
        """Return the mean squared error of a layer's outputs, relative to their mean square.

        Raises:
            EvollmError: As ``weight``.
        """
        if level == DENSE:
            return 0.0
        return float(self._tensor(block, f"{name}.errors")[self._place(block, name, level)])

    def squares(self, block: int, name: str) -> Tensor:
        """Return the mean square of each of a layer's inputs, of shape ``(columns,)``, float32.

        Raises:
            EvollmError: As ``weight``.
        """
        return self._tensor(block, f"{name}.squares").to(self._lm.device)

    def nbytes(self, block: int, name: str, level: Level) -> int:
        """Return the bytes that a layer takes at a level."""
        return cost(*self._shape(block, name), level, self.manifest.settings.group)

    def levels(self, block: int, name: str) -> tuple[Level, ...]:
        """Return the levels that were made of a layer."""
        return self._wanted.get(block, {}).get(name, ())

    def _place(self, block: int, name: str, level: Level) -> int:
        known = self.levels(block, name)
        if level not in known:
            raise EvollmError(
                f"{self.folder} has no level of {level} for block {block} {name}, but "
                f"{', '.join(map(str, known)) or 'none'}: build a database with it"
            )
        return known.index(level)

    def _shape(self, block: int, name: str) -> tuple[int, int]:
        rows, columns = self._original[block, name].shape
        return rows, columns

    def _dense(self, block: int, name: str) -> Tensor:
        found = self._original[block, name]
        if not found.is_meta:
            return found
        self._shards = self._shards or Shards(self._lm.source)
        tensor = self._blocks.tensor(block, f"{name}.weight")
        held: Tensor = self._shards.read({name: tensor}, {name: found})[name]
        return held.to(self._lm.device)

    def _tensor(self, block: int, name: str) -> Tensor:
        from safetensors import safe_open

        if block not in self._files:
            if not self.manifest.intact(block):
                raise EvollmError(
                    f"{self.manifest.file(block)} is missing or damaged: build the database again, "
                    "which makes that file anew"
                )
            self._files[block] = safe_open(self.manifest.file(block), "pt")
        found: Tensor = self._files[block].get_tensor(name)
        return found
