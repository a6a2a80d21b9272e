"""What is computed together when memory is short."""

import numpy as np
import pytest
import torch

from evollm.errors import EvollmError
from problems.compression.evaluation import memory, scorer
from problems.compression.evaluation.memory import batch_tokens, states_held
from problems.compression.evaluation.scorer import Scorer
from problems.compression.evaluation.stitched import Stitched
from problems.lm import LM
from problems.lm.blocks import Blocks
from tests.problems.compression.evaluation.support_levels import genomes, layout

WINDOWS = np.random.default_rng(0).integers(5, 300, (4, 12))


def test_less_memory_takes_fewer_tokens_and_candidates(
    loud: LM, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = Blocks(loud)
    most = batch_tokens(blocks), states_held(blocks, 100)
    monkeypatch.setattr(memory, "free", lambda device: 4_000_000)
    assert 16 <= batch_tokens(blocks) < most[0]
    assert 1 <= states_held(blocks, 100) < most[1]
    monkeypatch.setattr(memory, "free", lambda device: 100_000)
    with pytest.raises(EvollmError, match="too little of the memory of cpu to score"):
        Scorer(Stitched(blocks, layout(blocks, drop=True)))


def test_a_card_of_24_gb_holds_the_weights_of_a_model_of_7b(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "free", lambda device: 23 * 10**9)
    layers = 32 * (4 * 4096**2 + 3 * 4096 * 11008)
    assert memory.weight_bytes(torch.device("cuda")) > 1.15 * 2 * layers


def test_fewer_candidates_at_a_time_score_the_same(
    loud: LM, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = Blocks(loud)
    stitched = Stitched(blocks, layout(blocks, drop=True))
    candidates = genomes(stitched.layout, 12)
    scores = [Scorer(stitched).score(candidates, WINDOWS)]
    monkeypatch.setattr(scorer, "states_held", lambda blocks, tokens: 5)
    monkeypatch.setattr(scorer, "TOGETHER", 2)
    scores.append(Scorer(stitched).score(candidates, WINDOWS))
    assert np.allclose(*[[score.mean for score in each] for each in scores], atol=1e-6)
