"""A tiny model, levels of its layers, and what it computes at them by other means."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from problems.compression.layout import DENSE, DROP, Genome, Layout, Level, Unit
from problems.compression.levels.costs import bits_cost
from problems.compression.levels.grid import nearest
from problems.compression.levels.stored import Codes
from problems.lm.blocks import Blocks
from problems.lm.forward import logits
from problems.lm.load import load
from tests.problems.lm.support_tiny import folder

GROUP = 16
IDS = torch.tensor([[1, 40, 50, 60, 70, 80, 90, 100, 110, 33], [1, 7, 8, 9, 10, 11, 12, 13, 14, 3]])


class Rounded:
    """Layers rounded to nearest, by their codes."""

    def __init__(self, blocks: Blocks) -> None:
        self.kept = {
            (index, linear.name): blocks.linear(index, linear.name).weight.detach()
            for index in range(len(blocks))
            for linear in blocks.linears[index]
        }

    def codes(self, block: int, name: str, level: Level) -> Codes:
        weights = self.kept[block, name]
        return nearest(weights, (level.value,), weights.shape[1] // GROUP)[0]

    def weight(self, block: int, name: str, level: Level) -> torch.Tensor:
        weights = self.kept[block, name]
        if level == DENSE:
            return weights
        if level.kind == "zeros":
            bar = weights.abs().flatten().kthvalue(level.value).values
            return torch.where(weights.abs() > bar, weights, 0.0)
        return self.codes(block, name, level).weights(torch.float32)


def tiny(path: Path, family: str = "llama", **changes: Any) -> Blocks:
    blocks = Blocks(load(folder(path, family, **changes)))
    torch.manual_seed(1)
    for parameter in blocks.lm.model.parameters():
        if parameter.ndim == 1:  # biases are zeros in a new model
            parameter.data += 0.1 * torch.randn_like(parameter)
    return blocks


def units(blocks: Blocks, bits: Sequence[int] = (2, 3, 4, 8)) -> Layout:
    """Attention and MLP of each block can be dropped, and each of their layers has bits."""
    found = []
    for index in range(len(blocks)):
        for part in ("attention", "mlp"):
            own = [linear for linear in blocks.linears[index] if linear.part == part]
            size = sum(linear.size for linear in own)
            found.append(Unit(index, part, part, size, (DROP, DENSE), (0, 0)))
            found += [
                Unit(
                    index,
                    linear.name,
                    part,
                    linear.size,
                    tuple(Level("bits", width) for width in bits),
                    tuple(bits_cost(*linear.shape, width, GROUP) for width in bits),
                )
                for linear in own
            ]
    return Layout(tuple(found), len(blocks), fixed=1000)


def genome(layout: Layout, gone: Sequence[tuple[int, str]] = (), seed: int = 0) -> Genome:
    """Random levels, and some sublayers dropped."""
    rng = np.random.default_rng(seed)
    found = rng.integers(0, layout.tops + 1)
    for place, unit in enumerate(layout.units):
        if not unit.linear:
            found[place] = 0 if (unit.block, unit.name) in gone else 1
    return layout.check(found)


def answers(blocks: Blocks) -> torch.Tensor:
    return logits(blocks.lm, IDS).clone()


def reloaded(path: Path) -> torch.Tensor:
    return logits(load(str(path)), IDS)


@contextmanager
def silenced(blocks: Blocks, layout: Layout, levels: Genome, source: Rounded) -> Iterator[None]:
    """Hold a model at levels: weights are replaced, and dropped sublayers answer zeros."""
    undo = []
    for unit, level, gone in zip(
        layout.units, layout.levels(levels), layout.dropped(levels), strict=True
    ):
        if unit.linear and not gone and level != DENSE:
            linear = blocks.linear(unit.block, unit.name)
            undo.append((linear.weight, linear.weight.data))
            linear.weight.data = source.weight(unit.block, unit.name, level)
    hooks = [
        module.register_forward_hook(_silent)
        for unit, gone in zip(layout.units, layout.dropped(levels), strict=True)
        if gone and not unit.linear
        for module in _sublayers(blocks, unit)
    ]
    yield
    for parameter, data in undo:
        parameter.data = data
    for hook in hooks:
        hook.remove()


def _sublayers(blocks: Blocks, unit: Unit) -> list[Any]:
    block = blocks.modules[unit.block]
    names = {"attention": ("self_attn",), "mlp": ("mlp",), "block": ("self_attn", "mlp")}
    return [getattr(block, name) for name in names[unit.name]]


def _silent(module: Any, given: Any, out: Any) -> Any:
    if isinstance(out, tuple):
        return (torch.zeros_like(out[0]), *out[1:])
    return torch.zeros_like(out)
