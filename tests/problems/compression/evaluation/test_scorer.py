"""Scores of a stage against one full pass for each candidate."""

import numpy as np
import pytest
import torch

from evollm.errors import EvollmError
from problems.compression.evaluation.scorer import Scorer
from problems.compression.evaluation.stitched import Stitched
from problems.compression.layout import Genome
from problems.lm import LM
from problems.lm.blocks import Blocks
from problems.lm.streaming import stream
from tests.problems.compression.evaluation.support_levels import Rounded, genomes, layout

WINDOWS = np.random.default_rng(0).integers(5, 300, (7, 12))


@pytest.fixture(scope="module", params=["depth", "bits", "both"])
def stitched(loud: LM, request: pytest.FixtureRequest) -> Stitched:
    blocks = Blocks(loud)
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
    assert np.median(whole[:, 0]) > 0.1
    assert {score.tokens for score in kl} == {84}
    assert np.allclose([score.windows.sum() / 77 for score in kl], whole[:, 0], atol=1e-5)


def test_neither_batches_nor_cut_windows_matter(stitched: Stitched) -> None:
    """Of 31 tokens in windows of 12, the third window has 7."""
    candidates = genomes(stitched.layout, 5)
    found = [
        Scorer(stitched, batch=batch).score(candidates, WINDOWS, tokens=31)
        for batch in (12, 24, 500)
    ]
    assert {score.tokens for scores in found for score in scores} == {31}
    means = np.array([[score.mean for score in scores] for scores in found])
    assert np.allclose(means, means[0], atol=1e-6)
    parts = [
        expected(stitched, candidates[0], rows)[0] * rows[:, 1:].size
        for rows in (WINDOWS[:2], WINDOWS[2:3, :7])
    ]
    assert np.isclose(means[0, 0], sum(parts) / 28, atol=1e-5)


def test_the_stop_changes_no_survivor(stitched: Stitched) -> None:
    candidates = [*genomes(stitched.layout, 30), stitched.layout.tops]
    for metric in ("kl", "perplexity"):
        whole = Scorer(stitched, batch=12).score(candidates, WINDOWS, metric=metric)
        stopped = Scorer(stitched, batch=12).score(candidates, WINDOWS, keep=3, metric=metric)
        best = np.argsort([score.mean for score in whole])[:3]
        assert set(np.argsort([score.mean for score in stopped])[:3]) == set(best)
        assert not any(stopped[place].bound for place in best)
        for full, part in zip(whole, stopped, strict=True):
            assert part.bound or np.isclose(part.mean, full.mean, atol=1e-6)
            assert part.mean <= full.mean + 1e-6
            assert part.bound == (part.tokens < full.tokens)


def test_a_bad_candidate_is_stopped(stitched: Stitched) -> None:
    """The whole model differs from itself by nothing, so that every other one stops at once."""
    candidates = [*genomes(stitched.layout, 4), stitched.layout.tops]
    scores = Scorer(stitched, batch=12).score(candidates, WINDOWS, keep=1)
    assert [score.bound for score in scores] == [True] * 4 + [False]
    assert [score.tokens for score in scores] == [12] * 4 + [84]
    assert [len(score.windows) for score in scores] == [1] * 4 + [7]
    assert abs(scores[-1].mean) < 1e-6


def test_equal_candidates_are_computed_once(stitched: Stitched) -> None:
    scorer = Scorer(stitched)
    one, other = genomes(stitched.layout, 2)
    first = scorer.score([one, other], WINDOWS)
    computed = scorer.computed
    again = scorer.score([other, one, one], WINDOWS)
    assert scorer.computed == computed
    assert [score.mean for score in again] == [first[1].mean, first[0].mean, first[0].mean]
    scorer.score([one], WINDOWS[::-1])
    assert scorer.computed > computed


def test_candidates_share_what_they_begin_with(lm: LM) -> None:
    """Of 3 blocks, the second candidate differs in the last one, and the third in the second."""
    blocks = Blocks(lm)
    stitched = Stitched(blocks, layout(blocks, drop=True))
    candidates = [np.ones(6, np.int64) for _ in range(3)]
    candidates[1][4] = 0
    candidates[2][2:4] = 0
    scorer = Scorer(stitched)
    scorer.score(candidates, WINDOWS)
    assert scorer.computed == WINDOWS.size * (3 + 1 + 2)


def test_what_has_no_position_is_refused(stitched: Stitched) -> None:
    with pytest.raises(EvollmError, match="tokens must be at least 2"):
        Scorer(stitched).score(genomes(stitched.layout, 1), WINDOWS, tokens=1)


def test_a_streamed_model_has_the_same_scores(loud: LM) -> None:
    """One copy of the weights: the original ones come from the database, too."""
    whole = Blocks(loud)
    source = Rounded(whole)
    layouts = layout(whole, bits=True), layout(whole, drop=True)
    for units in layouts:
        candidates = [*genomes(units, 3), units.tops]
        scores = []
        for blocks in (whole, Blocks(stream(loud.name))):
            stitched = Stitched(blocks, units, source)
            scores.append([score.mean for score in Scorer(stitched).score(candidates, WINDOWS)])
            stitched.restore()
            weight = blocks.linear(0, "mlp.up_proj").weight
            assert weight.is_meta == (blocks is not whole and units is layouts[0])
        assert np.allclose(*scores, atol=1e-7)
        assert abs(scores[1][-1]) < 1e-6


def test_the_model_has_its_own_weights_after_scoring(stitched: Stitched) -> None:
    ids = torch.tensor(WINDOWS)
    before = stitched.blocks.lm.model(ids).logits
    Scorer(stitched).score(genomes(stitched.layout, 2), WINDOWS)
    assert torch.equal(stitched.blocks.lm.model(ids).logits, before)
