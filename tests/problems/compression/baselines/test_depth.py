"""Scores of sublayers and blocks against the model's own states and whole passes."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from evollm.errors import EvollmError
from problems.compression.baselines.depth import (
    most,
    shortened,
    shortgpt,
    similarities,
    sliding_window,
)
from problems.compression.evaluation.scorer import Scorer
from problems.compression.evaluation.stitched import Stitched
from problems.compression.kinds.depth import Depth
from problems.lm import LM, load
from problems.lm.blocks import Blocks
from tests.problems.compression.evaluation.support_levels import Rounded, layout
from tests.problems.lm.conftest import Make
from tests.problems.lm.support_tiny import folder

WINDOWS = np.random.default_rng(0).integers(5, 300, (5, 12))
BLOCKS = 6


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> LM:
    path = tmp_path_factory.mktemp("deep")
    return load(folder(path, num_hidden_layers=BLOCKS, initializer_range=0.2))


def made(lm: LM, drop: float = 0.34, whole: bool = False) -> tuple[Scorer, np.ndarray]:
    """A scorer that computes a few windows at a time, and a genome of the budget."""
    blocks = Blocks(lm)
    space = Depth(drop, whole).space(blocks.linears)
    [like] = space.start.vary([], 1, 0).genomes
    return Scorer(Stitched(blocks, space.layout), batch=24), like


def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(one, other, dim=-1).mean())


def test_similarities_are_those_of_the_models_states(deep: LM, make: Make) -> None:
    """The last state of the model's own list is normed, so that the last block is left out."""
    for lm in (deep, make("phi"), make("gemma2")):
        found = similarities(made(lm)[0], WINDOWS)
        states = lm.model(torch.tensor(WINDOWS), output_hidden_states=True).hidden_states
        pairs = list(pairwise(states))[:-1]
        assert np.allclose(found[0][:-1], [cosine(*pair) for pair in pairs], atol=1e-5)
    block, ids = deep.model.model.layers[0], torch.tensor(WINDOWS)
    blocks = Blocks(deep)
    entry = blocks.enter(ids)
    added, _ = block.self_attn(block.input_layernorm(entry.hidden), **entry.calls[0])
    middle, after = entry.hidden + added, blocks.run(0, entry.hidden, entry)
    found = similarities(made(deep)[0], WINDOWS)
    assert found[1, 0] == pytest.approx(cosine(entry.hidden, middle), abs=1e-5)
    assert found[2, 0] == pytest.approx(cosine(middle, after), abs=1e-5)


def test_shortgpt_drops_the_most_alike(deep: LM) -> None:
    scorer, like = made(deep)
    scores = similarities(scorer, WINDOWS)
    whole = shortgpt(scorer, WINDOWS, like).reshape(BLOCKS, 2)
    assert (whole[:, 0] == whole[:, 1]).all()
    assert set(np.flatnonzero(whole[:, 0] == 0)) == set(np.argsort(scores[0])[-2:])
    apart = shortgpt(scorer, WINDOWS, like, apart=True).reshape(BLOCKS, 2)
    for part in range(2):
        dropped = np.flatnonzero(apart[:, part] == 0)
        assert set(dropped) == set(np.argsort(scores[part + 1])[-2:])


def test_the_window_slides_to_the_best_run(deep: LM) -> None:
    scorer, like = made(deep)
    blocks = scorer.stitched.blocks
    entry = blocks.enter(torch.tensor(WINDOWS))
    states = [entry.hidden]
    for block in range(BLOCKS):
        states.append(blocks.run(block, states[-1], entry))
    alike = [cosine(states[start], states[start + 2]) for start in range(BLOCKS - 1)]
    found = sliding_window(scorer, WINDOWS, like).reshape(BLOCKS, 2)
    best = int(np.argmax(alike))
    expected = [[int(not best <= block < best + 2)] * 2 for block in range(BLOCKS)]
    assert found.tolist() == expected
    uneven = scorer.stitched.layout.tops.copy()
    uneven[[0, 2, 4, 1]] = 0  # three attention, one MLP
    runs = sliding_window(scorer, WINDOWS, uneven).reshape(BLOCKS, 2)
    assert list((runs == 0).sum(0)) == [3, 1]


def test_the_perplexity_without_each(deep: LM) -> None:
    for whole in (False, True):
        scorer, like = made(deep, whole=whole)
        stitched, ids = scorer.stitched, torch.tensor(WINDOWS)
        losses = []
        for block in range(BLOCKS):
            genome = stitched.layout.tops.copy()
            genome[[i for i, unit in enumerate(stitched.layout.units) if unit.block == block]] = 0
            stitched.install(genome)
            losses.append(float(deep.model(ids, labels=ids).loss))
        stitched.restore()
        found = shortened(scorer, WINDOWS, like)
        dropped = {stitched.layout.units[i].block for i in np.flatnonzero(found == 0)}
        assert dropped == set(np.argsort(losses)[:2])
    scorer, like = made(deep)
    apart = shortened(scorer, WINDOWS, like, apart=True)
    assert scorer.stitched.layout.cost(apart) == scorer.stitched.layout.cost(like)


def test_later_ones_go_first_among_equals(deep: LM) -> None:
    scorer, like = made(deep)
    found = most(scorer.stitched.layout, np.zeros(2 * BLOCKS), like).reshape(BLOCKS, 2)
    assert found.tolist() == [[1, 1]] * 4 + [[0, 0]] * 2


def test_linear_layers_are_refused(deep: LM) -> None:
    blocks = Blocks(deep)
    scorer = Scorer(Stitched(blocks, layout(blocks, bits=True), Rounded(blocks)))
    like = scorer.stitched.layout.tops
    for function in (shortgpt, sliding_window, shortened):
        with pytest.raises(EvollmError, match="baseline of depth alone"):
            function(scorer, WINDOWS, like)
