"""A compressed model as a folder that ``transformers`` loads without our code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from evollm.errors import EvollmError
from evollm.paths import anchored
from problems.compression.evaluation.stitched import WeightSource
from problems.compression.export.codes import write_codes
from problems.compression.export.files import copy_along, write_weights
from problems.compression.export.folder import drafted, seal
from problems.compression.export.ledger import Ledger, ledger
from problems.compression.export.packed import BITS, described, packed
from problems.compression.export.shrink import shrunk
from problems.compression.export.tensors import Chosen
from problems.compression.layout import Genome, Layout, Level
from problems.compression.levels.stored import Codes
from problems.lm.blocks import Blocks

if TYPE_CHECKING:
    from torch import Tensor

Form = Literal["auto", "packed", "dense"]
"""How quantised layers are written: packed, or dense with our codes beside; auto is packed where
the public format has all their widths."""


@runtime_checkable
class CodeSource(Protocol):
    """Where the codes of quantised layers come from: a level database."""

    def codes(self, block: int, name: str, level: Level) -> Codes:
        """Return a linear layer's codes at a level."""
        ...


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        folder: Where.
        form: How quantised layers are written: packed, dense, or gguf.
        ledger: The bytes of all units.
        remarks: Sentences for the report, such as that no bytes were saved somewhere.
    """

    folder: Path
    form: str
    ledger: Ledger
    remarks: tuple[str, ...] = ()


def export(
    blocks: Blocks,
    layout: Layout,
    genome: Genome,
    folder: str | Path,
    source: WeightSource | None = None,
    *,
    form: Form = "auto",
    facts: Mapping[str, Any] | None = None,
) -> Export:
    """Write a model at the levels of a genome, with its tokenizer.

    Blocks of which nothing is left are left out. Where only attention or only the MLP is dropped,
    its output layer is written as zeros. Pruned layers hold zeros. Nothing is there before all is.

    Args:
        blocks: The model; what ``Stitched`` has put into it does not count.
        layout: Its units.
        genome: Their levels.
        folder: Where it goes; an earlier export there is replaced.
        source: Where weights at a level come from; None if sublayers are dropped at most.
        form: How quantised layers are written.
        facts: More for ``export.json``.

    Raises:
        EvollmError: If something else is in the folder, or nothing would be left of the model; if
            the format lacks a width; or the disk is full.
    """
    chosen = Chosen(blocks, layout, genome, source)
    writing = _Writing(chosen, _form(chosen, source, form))
    config = shrunk(blocks.lm.model.config, chosen.kept, blocks.lm.name)
    with drafted(folder) as draft:
        writing.weights(draft)
        copy_along(blocks.lm.source, draft)
        _configure(draft, config, writing)
        found = ledger(layout, genome, writing.stored, writing.total, writing.coded)
        (draft / "ledger.json").write_text(json.dumps(found.to_json(), indent=1) + "\n", "utf-8")
        remarks = _remarks(chosen, writing)
        seal(draft, {**(facts or {}), **_facts(chosen, layout, genome, writing.form, remarks)})
    return Export(anchored(folder), writing.form, found, remarks)


@dataclass
class _Writing:
    """A checkpoint while it is written: what has been written so far."""

    chosen: Chosen
    form: Form
    stored: dict[tuple[int, str], int] = field(default_factory=dict)
    coded: dict[tuple[int, str], int] = field(default_factory=dict)
    layers: dict[str, Codes] = field(default_factory=dict)
    total: int = 0

    def weights(self, draft: Path) -> None:
        """Write the weights, and our codes beside dense ones."""
        self.total = write_weights(draft, self._tensors())
        if self.layers and self.form == "dense":
            write_codes(draft, self.layers)

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        yield from self.chosen.outside()
        for place, index in enumerate(self.chosen.kept):
            for name, tensor in self._block(place, index).items():
                yield self.chosen.blocks.tensor(place, name), tensor

    def _block(self, place: int, index: int) -> dict[str, Tensor]:
        """Return the tensors of a block, which is at another place in the checkpoint."""
        found = dict(self.chosen.inside(index))
        for linear in self.chosen.blocks.linears[index]:
            key = index, linear.name
            codes = self._codes(index, linear.name)
            dense = f"{linear.name}.weight"
            own: Mapping[str, Tensor] = {"weight": found[dense]}
            if codes is not None:
                self.layers[self.chosen.blocks.tensor(place, linear.name)] = codes
            if codes is not None and self.form == "packed":
                own = packed(codes)
                del found[dense]
                found |= {f"{linear.name}.{part}": tensor for part, tensor in own.items()}
            elif codes is not None:
                self.coded[key] = sum(part.nbytes for part in codes.tensors().values())
            self.stored[key] = sum(tensor.nbytes for tensor in own.values())
        return found

    def _codes(self, index: int, name: str) -> Codes | None:
        level = self.chosen.level(index, name)
        source = self.chosen.source
        coded = level.kind == "bits" and isinstance(source, CodeSource)
        return source.codes(index, name, level) if coded else None  # type: ignore[union-attr]


def _form(chosen: Chosen, source: WeightSource | None, form: Form) -> Form:
    """Return whether to pack.

    Raises:
        EvollmError: If that is asked for, and the format lacks a width.
    """
    kept = [level for index in chosen.kept for level in chosen.levels[index].values()]
    widths = {level.value for level in kept if level.kind == "bits"}
    if form == "packed" and (missing := widths - BITS):
        raise EvollmError(
            f"the packed format has no codes of {min(missing)} bits: choose the dense form, or "
            f"levels of {', '.join(map(str, sorted(BITS)))} bits"
        )
    fits = bool(widths) and widths <= BITS and isinstance(source, CodeSource)
    return "packed" if form != "dense" and fits else "dense"


def _configure(draft: Path, config: Any, writing: _Writing) -> None:
    """Write ``config.json``."""
    model = writing.chosen.blocks.lm.model
    config.architectures = [type(model).__name__]
    config.dtype = model.dtype
    config.save_pretrained(draft)
    if writing.form == "packed":
        file = draft / "config.json"
        said = json.loads(file.read_text("utf-8"))
        said["quantization_config"] = described(writing.layers)
        file.write_text(json.dumps(said, indent=2) + "\n", "utf-8")


def _facts(
    chosen: Chosen, layout: Layout, genome: Genome, form: Form, remarks: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "model": dict(chosen.blocks.lm.fingerprint),
        "form": form,
        "blocks": chosen.kept,
        "bytes": layout.cost(genome) + layout.fixed,
        "levels": [
            {name: str(level) for name, level in levels} for levels in layout.by_block(genome)
        ],
        "remarks": list(remarks),
    }


def _remarks(chosen: Chosen, writing: _Writing) -> tuple[str, ...]:
    """Say what the files do not show."""
    said = []
    if chosen.silenced:
        where = ", ".join(f"{part} of block {index}" for index, part in chosen.silenced)
        said.append(
            f"The output layer is written as zeros for {where}: this is exact, but saves no bytes "
            "in the files, since transformers has no model without them."
        )
    kinds = {lv.kind for index in chosen.kept for lv in chosen.levels[index].values()}
    if "zeros" in kinds:
        said.append("Pruned weights are written as zeros: the files are as large as before.")
    if writing.form == "packed":
        said.append(
            "Quantised layers are packed: transformers needs compressed-tensors 0.17 to load them, "
            "which takes 3.2 bits for a code of 3."
        )
    elif "bits" in kinds:
        said.append(
            "Quantised layers are written dense, and their codes beside them in codes.safetensors."
            if writing.layers
            else "Quantised layers are written dense."
        )
    return tuple(said)
