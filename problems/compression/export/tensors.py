"""The tensors of a model at the levels that were chosen, one block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from evollm.errors import EvollmError
from problems.compression.evaluation.stitched import WeightSource, dropped_parts
from problems.compression.layout import DENSE, Genome, Layout, Level
from problems.lm.blocks import Blocks
from problems.lm.streaming import resident

if TYPE_CHECKING:
    from torch import Tensor

OUTPUTS = {"attention": ("o_proj", "dense", "out_proj"), "mlp": ("down_proj", "fc2")}
"""Names of the layers whose output is added to the residual stream."""


class Chosen:
    """A model at the levels of a genome.

    Args:
        blocks: The model.
        layout: Its units.
        genome: Their levels.
        source: Where weights at a level come from; None if sublayers are dropped at most.

    Raises:
        EvollmError: If the layout is another model's, or a layer needs a source that is missing.
    """

    def __init__(
        self, blocks: Blocks, layout: Layout, genome: Genome, source: WeightSource | None = None
    ) -> None:
        if layout.blocks != len(blocks):
            raise EvollmError(
                f"the levels are for {layout.blocks} blocks, and {blocks.lm.name} has "
                f"{len(blocks)}: export the model that was searched"
            )
        self.blocks = blocks
        self.source = source
        self.levels = [dict(each) for each in layout.by_block(layout.check(genome))]
        self.gone = [dropped_parts(config) for config in layout.by_block(genome)]
        changed = {lv.kind for levels in self.levels for lv in levels.values()} - {"drop", "dense"}
        if source is None and changed:
            raise EvollmError(f"levels of the kind {min(changed)} need a source of their weights")

    @property
    def kept(self) -> list[int]:
        """Indices of the blocks of which a sublayer is left."""
        return [index for index, parts in enumerate(self.gone) if len(parts) < 2]

    @property
    def silenced(self) -> list[tuple[int, str]]:
        """Sublayers that are dropped from a block that stays."""
        return [(index, part) for index in self.kept for part in sorted(self.gone[index])]

    def level(self, index: int, name: str) -> Level:
        """Return the level of a linear layer that is written; DENSE if it is no unit."""
        found = self.levels[index].get(name, DENSE)
        return DENSE if found.kind == "drop" else found

    def outside(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the tensors of what is in no block; those that are tied, once."""
        seen = set()
        inside = f"{self.blocks.prefix}."
        for name, tensor in self.blocks.lm.model.state_dict().items():
            key = (tensor.data_ptr(), tensor.shape)
            if not name.startswith(inside) and key not in seen:
                seen.add(key)
                yield name, tensor

    def inside(self, index: int) -> Mapping[str, Tensor]:
        """Return the tensors of a block by their names in it."""
        import torch

        with resident(self.blocks, index) as module:
            found = dict(module.state_dict())
        for linear in self.blocks.linears[index]:
            key = f"{linear.name}.weight"
            if self.source is not None and linear.name in self.levels[index]:
                level = self.level(index, linear.name)  # also DENSE: another may be in the model
                found[key] = self.source.weight(index, linear.name, level).to(found[key].dtype)
        for part in self.gone[index]:
            output = output_of(self.blocks, index, part)
            for key in (f"{output}.weight", f"{output}.bias"):
                if key in found:
                    found[key] = torch.zeros_like(found[key])
        return found


def output_of(blocks: Blocks, index: int, part: str) -> str:
    """Return the linear layer of a sublayer whose output is added to the residual stream.

    Raises:
        EvollmError: If none has one of the names that are known.
    """
    for linear in blocks.linears[index]:
        if linear.part == part and linear.name.rpartition(".")[2] in OUTPUTS[part]:
            return linear.name
    raise EvollmError(
        f"the {part} of {blocks.lm.name} has no output layer of a known name "
        f"({', '.join(OUTPUTS[part])}), so it can't be saved without it: drop whole blocks"
    )
