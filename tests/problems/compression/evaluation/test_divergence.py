"""Both heads against double precision and torch's own functions."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from problems.compression.evaluation.divergence import LinearHead, WrittenHead, head_of
from problems.compression.evaluation.scorer import Scorer
from problems.compression.evaluation.stitched import Stitched
from problems.lm import LM, LMSettings, load
from problems.lm.blocks import Blocks
from tests.problems.compression.evaluation.support_levels import genomes, layout
from tests.problems.lm.conftest import Make

STATES = torch.from_numpy(np.random.default_rng(0).normal(0, 9, (2, 200, 32))).float()
TARGETS = torch.arange(200) % 320


def test_divergence_and_likelihood(make: Make) -> None:
    """Linear heads, one with a bias and one in parts; and a head whose logits are bounded."""
    for family in ("llama", "phi", "gemma2-wide"):
        blocks = Blocks(make(family))
        with torch.inference_mode():
            teacher, own = (blocks.head(each[None])[0].double().log_softmax(1) for each in STATES)
        kl = functional.kl_div(own, teacher, log_target=True, reduction="none").sum(1)
        nll = functional.nll_loss(own, TARGETS, reduction="none")
        heads = [WrittenHead(blocks)]
        heads[0].positions = 90
        if family != "gemma2-wide":
            matrix = blocks.lm.model.get_output_embeddings()
            heads += [LinearHead(matrix), LinearHead(matrix, columns=100)]
        for head in heads:
            reference = head.reference(head.kept(STATES[0]))
            found = head.values(STATES[1:], reference, TARGETS, ("kl", "perplexity"))
            assert torch.allclose(found[0][0].double(), kl, rtol=1e-5, atol=1e-5)
            assert torch.allclose(found[1][0].double(), nll, rtol=1e-5, atol=1e-5)


def test_the_head_suits_the_model(make: Make) -> None:
    kinds = {"llama": LinearHead, "phi": LinearHead}
    kinds |= {"gemma2-wide": WrittenHead, "granite": WrittenHead, "cohere": WrittenHead}
    assert {name: type(head_of(Blocks(make(name)))) for name in kinds} == kinds


@pytest.mark.parametrize("family", ["gemma2-wide", "granite"])
def test_scores_by_a_written_head(make: Make, family: str) -> None:
    blocks = Blocks(make(family))
    stitched = Stitched(blocks, layout(blocks, drop=True))
    [genome] = genomes(stitched.layout, 1, seed=1)
    ids = torch.arange(24).reshape(2, 12) + 7
    [score] = Scorer(stitched).score([genome], ids.numpy())
    teacher = blocks.lm.model(ids).logits[:, :-1].log_softmax(-1)
    stitched.install(genome)
    own = blocks.lm.model(ids).logits[:, :-1].log_softmax(-1)
    stitched.restore()
    expected = functional.kl_div(own, teacher, log_target=True, reduction="none").sum(-1).mean()
    assert score.mean == pytest.approx(float(expected), abs=1e-5)
    assert score.mean > 1e-4


def test_half_precision_is_near_single_precision(loud: LM) -> None:
    scores = []
    for dtype in ("float32", "bfloat16"):
        blocks = Blocks(load(loud.name, LMSettings(dtype=dtype)))
        stitched = Stitched(blocks, layout(blocks, drop=True))
        ids = np.arange(24).reshape(2, 12) + 7
        found = Scorer(stitched).score(genomes(stitched.layout, 4), ids)
        scores.append([score.mean for score in found])
    assert np.allclose(*scores, rtol=0.02, atol=0.003)
    assert max(scores[0]) > 0.1
