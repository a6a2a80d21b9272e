"""A tiny model whose rows suit the types of a GGUF file, and a layout of types."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from problems.compression.export.gguf.types import BYTES, gguf_cost, typed
from problems.compression.layout import Genome, Layout, Unit
from problems.lm.blocks import Blocks
from problems.lm.load import load
from tests.problems.lm.support_tiny import folder

SIZES = {"hidden_size": 128, "intermediate_size": 192, "head_dim": 32}


def tiny(path: Path, family: str = "llama", **changes: Any) -> Blocks:
    blocks = Blocks(load(folder(path, family, **SIZES, **changes)))
    torch.manual_seed(2)
    for parameter in blocks.lm.model.parameters():
        if parameter.ndim == 2:  # else all tokens are about equally likely
            parameter.data *= 4
    return blocks


def types(blocks: Blocks) -> Layout:
    levels = tuple(typed(name) for name in BYTES)
    units = [
        Unit(
            index,
            linear.name,
            linear.part,
            linear.size,
            levels,
            tuple(gguf_cost(*linear.shape, level) for level in levels),
        )
        for index in range(len(blocks))
        for linear in blocks.linears[index]
    ]
    return Layout(tuple(units), len(blocks))


def mixed(layout: Layout, seed: int = 0) -> Genome:
    return np.random.default_rng(seed).integers(0, layout.tops + 1)
