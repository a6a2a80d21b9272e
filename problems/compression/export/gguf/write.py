"""A GGUF file with a type of its own for each layer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evollm.errors import EvollmError
from evollm.llm.connect import OFFLINE
from evollm.llm.offline import weights
from evollm.llm.offline.quantise import Content, rewrite
from evollm.paths import anchored
from problems.compression.export.checkpoint import Export
from problems.compression.export.folder import drafted, seal
from problems.compression.export.gguf.metadata import ARCHITECTURE, describe
from problems.compression.export.gguf.names import Names
from problems.compression.export.gguf.source import TypedWeights
from problems.compression.export.gguf.types import quantised
from problems.compression.export.ledger import ledger
from problems.compression.layout import DENSE, GGUF_TYPES, Genome, Layout, Level
from problems.lm.blocks import Blocks
from problems.lm.extra import require

if TYPE_CHECKING:
    from torch import Tensor

FILE = "model.gguf"


def export_gguf(
    blocks: Blocks,
    layout: Layout,
    genome: Genome,
    folder: str | Path,
    template: str | Path | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Export:
    """Write ``model.gguf``, with a ledger of its bytes, into a folder.

    Everything but the layers that are units is taken from another GGUF file of the same model:
    vocabulary, settings, embeddings, norms. Without one they are made from the model, with
    embeddings and head in F16; that is for models of the llama kind.

    Args:
        blocks: The model, with its own weights.
        layout: Its units, whose levels are dense or of the kind gguf.
        genome: Their levels; a dense layer stays as the other file has it, or is in F16.
        folder: Where it goes; an earlier export there is replaced.
        template: The other file; None for the one that the model was read from, if it was.
        facts: More for ``export.json``.

    Returns:
        What was written; the checkpoint of its ledger is the new file.

    Raises:
        EvollmError: If the other file can't be read or is of another model; there is none, and the
            model is of another kind; a unit has another kind of level; or something else is in the
            folder.
    """
    require("gguf")
    other = _template(blocks, template)
    writing = _Writing(blocks, layout, genome, other)
    with drafted(folder) as draft:
        writing.write(draft / FILE)
        found = ledger(layout, genome, writing.stored, writing.total)
        (draft / "ledger.json").write_text(json.dumps(found.to_json(), indent=1) + "\n", "utf-8")
        levels = [{name: str(lv) for name, lv in each} for each in layout.by_block(genome)]
        model = dict(blocks.lm.fingerprint)
        seal(draft, {**(facts or {}), "model": model, "form": "gguf", "levels": levels})
    return Export(anchored(folder), "gguf", found, ())


class _Writing:
    """A file while it is written: which layers have which type, and the bytes so far."""

    def __init__(
        self, blocks: Blocks, layout: Layout, genome: Genome, template: Path | None
    ) -> None:
        self.blocks, self.template = blocks, template
        name = ARCHITECTURE if template is None else _architecture(template, len(blocks))
        self.names = Names(blocks, name)
        self.source = TypedWeights(blocks)
        self.layers = _layers(self.names, layout, layout.check(genome))
        self.stored: dict[tuple[int, str], int] = {}
        self.total = 0

    def write(self, file: Path) -> None:
        if self.template is None:
            self._anew(file)
        else:
            rewrite(self.template, file, self._other, self._file_type())
        wanted = {(block, name) for block, name, _ in self.layers.values()}
        if missing := wanted - self.stored.keys():
            block, name = min(missing)
            raise EvollmError(
                f"{self.template} has no {name} of block {block}: it is of another model"
            )

    def _anew(self, file: Path) -> None:
        """Write a file from the model alone."""
        from gguf import GGUFWriter

        writer = GGUFWriter(file, ARCHITECTURE)
        describe(self.blocks, writer)
        writer.add_file_type(self._file_type())
        seen = set()
        try:
            for name, tensor in self.blocks.lm.model.state_dict().items():
                key = (tensor.data_ptr(), tensor.shape)
                if key not in seen:
                    seen.add(key)
                    own = self.names.of(name)
                    writer.add_tensor(own, *self._own(own, tensor))
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        finally:
            writer.close()

    def _file_type(self) -> int:
        """Return what the file says of its types: the commonest."""
        from gguf import LlamaFileType

        kinds = Counter(level.value for *_, level in self.layers.values() if level != DENSE)
        name = GGUF_TYPES[kinds.most_common(1)[0][0]] if kinds else "F16"
        return int(LlamaFileType[f"MOSTLY_{name}"])

    def _other(self, tensor: Any) -> Content:
        """Return what the new file has for a tensor of the other one."""
        if tensor.name not in self.layers or self.layers[tensor.name][2] == DENSE:
            return self._counted(tensor.name, tensor.data, tensor.tensor_type)
        block, name, _ = self.layers[tensor.name]
        own = self.source.weight(block, name, DENSE)
        if tuple(own.shape[::-1]) != tuple(int(size) for size in tensor.shape):
            raise EvollmError(
                f"{tensor.name} of {self.template} has another shape than {name} of block {block}: "
                "it is of another model"
            )
        return self._own(tensor.name, own)

    def _own(self, name: str, tensor: Tensor) -> Content:
        """Return what the new file has for a tensor of the model."""
        from gguf import GGMLQuantizationType

        level = self.layers[name][2] if name in self.layers else DENSE
        rows = self.names.ordered(name, tensor.detach().float().cpu()).numpy()
        if level != DENSE:
            kind = GGMLQuantizationType(level.value)
            return self._counted(name, quantised(np.ascontiguousarray(rows), level), kind)
        if rows.ndim == 1:
            return self._counted(name, rows, GGMLQuantizationType.F32)
        return self._counted(name, rows.astype(np.float16), GGMLQuantizationType.F16)

    def _counted(self, name: str, data: Any, kind: Any) -> Content:
        if name in self.layers:
            self.stored[self.layers[name][:2]] = data.nbytes
        self.total += data.nbytes
        return data, None, kind


def _template(blocks: Blocks, template: str | Path | None) -> Path | None:
    """Return the file that everything else is taken from."""
    if template is not None:
        return anchored(template)
    name = blocks.lm.source.name
    if name == OFFLINE:
        return weights.fetch(weights.OFFLINE, served=False)
    return Path(name) if name.endswith(".gguf") else None


def _layers(names: Names, layout: Layout, genome: Genome) -> dict[str, tuple[int, str, Level]]:
    """Return of each tensor in the file that is a unit its block, its name and its level."""
    found = {}
    for unit, level in zip(layout.units, layout.levels(genome), strict=True):
        if not unit.linear or level.kind not in ("gguf", "dense"):
            raise EvollmError(f"{unit} is {level}, which a GGUF file can't be: choose types of it")
        found[names.linear(unit.block, unit.name)] = (unit.block, unit.name, level)
    return found


def _architecture(file: Path, blocks: int) -> str:
    """Return a file's architecture.

    Raises:
        EvollmError: If it can't be read, or has another number of blocks.
    """
    from gguf import GGUFReader

    try:
        reader: Any = GGUFReader(file)
        name = str(reader.get_field("general.architecture").contents())
        count = int(reader.get_field(f"{name}.block_count").contents())
    except (OSError, ValueError, AttributeError) as error:
        raise EvollmError(
            f"{file} can't be read as a GGUF file ({error}): name one of the same model"
        ) from None
    if count != blocks:
        raise EvollmError(
            f"{file} has {count} blocks, and {blocks} were expected: it is of another model"
        )
    return name
