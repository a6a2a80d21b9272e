"""Scores of a stage against one full pass for each candidate."""

import numpy as np
import pytest
import torch

from problems.compression.evaluation.scorer import Scorer
from problems.compression.evaluation.stitched import Stitched
from problems.compression.layout import Genome
from problems.lm import LM
from problems.lm.blocks import Blocks
from tests.problems.compression.evaluation.support_levels import Rounded, genomes, layout

WINDOWS = np.random.default_rng(0).integers(5, 300, (7, 12))


@pytest.fixture(scope="module", params=["depth", "bits", "both"])
def stitched(lm: LM, request: pytest.FixtureRequest) -> Stitched:
    blocks = Blocks(lm)
    kinds = {"drop": request.param != "bits", "bits": request.param != "depth"}
    return Stitched(blocks, layout(blocks, **kinds), Rounded(blocks))


def expected(stitched: Stitched, genome: Genome, windows: np.ndarray) -> tuple[float, float]:
    """Divergence and likelihood by whole passes and torch's own functions."""
    model, ids = stitched.blocks.lm.model, torch.tensor(windows)
    stitched.restore()
    teacher = model(ids).logits[:, :-1].log_softmax(-1)
    stitched.install(genome)
    own = model(ids).logits[:, :-1].log_softmax(-1)
    stitched.restore()
    kl = torch.nn.functional.kl_div(own, teacher, log_target=True, reduction="none")
    flat = own.flatten(0, 1)
    nll = torch.nn.functional.nll_loss(flat, ids[:, 1:].flatten())
    return float(kl.sum(-1).mean()), float(nll)


def test_scores_are_those_of_whole_passes(stitched: Stitched) -> None:
    scorer = Scorer(stitched, batch=36)
    candidates = genomes(stitched.layout, 6)
    kl = scorer.score(candidates, WINDOWS)
    nll = scorer.score(candidates, WINDOWS, metric="perplexity")
    whole = np.array([expected(stitched, genome, WINDOWS) for genome in candidates])
    assert np.allclose([score.mean for score in kl], whole[:, 0], atol=1e-5)
    assert np.allclose([score.mean for score in nll], whole[:, 1], atol=1e-5)
    assert {score.tokens for score in kl} == {84}
    assert np.allclose([score.windows.sum() / 77 for score in kl], whole[:, 0], atol=1e-5)
