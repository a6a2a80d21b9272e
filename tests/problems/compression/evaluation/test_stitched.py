"""Levels by pointer, and dropped sublayers, against models whose weights are changed in place."""

import copy

import pytest
import torch

from evollm.errors import EvollmError
from problems.compression.evaluation.stitched import Stitched, Weights
from problems.compression.layout import DENSE, DROP, Genome, Level
from problems.lm import LM
from problems.lm.blocks import Blocks
from problems.lm.forward import empty_cache, logits
from tests.problems.compression.evaluation.support_levels import Rounded, genomes, layout
from tests.problems.lm.conftest import Make

FAMILIES = ["llama", "mistral", "qwen2", "qwen3", "phi", "phi3", "gemma", "gemma2", "gemma3"]
IDS = torch.arange(2 * 12).reshape(2, 12) * 7 % 300 + 5


def zeroed(stitched: Stitched, genome: Genome) -> torch.Tensor:
    """Logits of a copy of the model in which all linear layers of dropped sublayers are zero."""
    lm = stitched.blocks.lm
    whole = copy.deepcopy(lm.model)
    for index, config in enumerate(stitched.layout.by_block(genome)):
        block = whole.get_decoder().layers[index]
        for name, level in config:
            if name in ("attention", "mlp"):
                gone = [each.name for each in stitched.blocks.linears[index] if each.part == name]
                for each in gone if level == DROP else []:
                    for tensor in block.get_submodule(each).parameters():
                        tensor.data.zero_()
            elif level not in (DENSE, DROP):
                block.get_submodule(name).weight.data = stitched.weights.source.weight(
                    index, name, level
                ).clone()
    return whole(IDS).logits


def in_parts(stitched: Stitched, genome: Genome) -> torch.Tensor:
    blocks = stitched.blocks
    entry = blocks.enter(IDS)
    hidden = entry.hidden
    for index, config in enumerate(stitched.layout.by_block(genome)):
        hidden = stitched.run(index, config, hidden, entry)
    return blocks.head(blocks.leave(hidden))


@pytest.mark.parametrize("family", FAMILIES)
def test_levels_are_those_of_a_changed_model(make: Make, family: str) -> None:
    blocks = Blocks(make(family))
    before = blocks.lm.model(IDS).logits
    stitched = Stitched(blocks, layout(blocks, drop=True, bits=True), Rounded(blocks))
    for genome in genomes(stitched.layout, 8):
        expected = zeroed(stitched, genome)
        assert torch.allclose(in_parts(stitched, genome), expected, atol=1e-5)
        stitched.install(genome)
        assert torch.allclose(blocks.lm.model(IDS).logits, expected, atol=1e-5)
        stitched.restore()
        assert torch.equal(blocks.lm.model(IDS).logits, before)


def test_generation_counts_tokens_without_the_first_attention(make: Make) -> None:
    """The cache of keys and values learns of the tokens from the first block."""
    for family in ("llama", "gemma2"):
        blocks = Blocks(make(family))
        stitched = Stitched(blocks, layout(blocks, drop=True))
        genome = stitched.layout.tops.copy()
        genome[0] = 0
        whole, held = zeroed(stitched, genome), empty_cache(blocks.lm)
        stitched.install(genome)
        parts = [logits(blocks.lm, ids, cache=held) for ids in (IDS[:, :9], IDS[:, 9:])]
        stitched.restore()
        assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-5)


def test_weights_are_held_up_to_a_limit(lm: LM) -> None:
    blocks = Blocks(lm)
    source = Rounded(blocks)
    size = blocks.linear(0, "mlp.up_proj").weight.nbytes
    weights = Weights(source, limit=2 * size)
    levels = [Level("bits", bits) for bits in (2, 3, 2, 4, 2, 3)]
    for level in levels:
        weights.of(0, "mlp.up_proj", level)
    assert [level.value for _, _, level in source.read] == [2, 3, 4, 3]
    assert weights.nbytes == 2 * size


def test_levels_need_weights(lm: LM) -> None:
    blocks = Blocks(lm)
    with pytest.raises(EvollmError, match="give the database"):
        Stitched(blocks, layout(blocks, bits=True))
