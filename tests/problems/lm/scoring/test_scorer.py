"""Scores of label words: fast as slow, whatever the model, the batch and the order."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from evollm.errors import EvollmError
from problems.lm import LM, load
from problems.lm.scoring import LabelScorer
from problems.lm.scoring.passes import Passes
from problems.lm.tokens import ids_of
from tests.problems.lm.conftest import Make
from tests.problems.lm.scoring.support_texts import LABELS, one_by_one, same, strong, texts
from tests.support_each import each

SHARING = ["llama", "llama-tied", "qwen2", "qwen3", "phi", "phi3", "gemma", "gpt2"]
SHARING += ["cohere", "granite", "gemma2-wide", "mistral-wide"]
NOT_SHARING = ["gemma2", "mistral", "bloom", "mamba"]


@each("family", SHARING)
def test_what_texts_begin_with_is_computed_once(make: Make, family: str) -> None:
    lm, given = strong(make(family)), texts()
    scorer = LabelScorer(lm, LABELS)
    right = one_by_one(lm, given)
    assert np.ptp(right) > 0.2
    found = scorer.score(given)
    assert found.dtype == np.float32
    assert same(found, right)
    assert scorer.computed == 12 + sum(len(text) - 12 for text in given)


@each("family", NOT_SHARING)
def test_models_that_cannot_share_get_whole_texts(make: Make, family: str) -> None:
    lm, given = strong(make(family)), texts()
    scorer = LabelScorer(lm, LABELS)
    assert same(scorer.score(given), one_by_one(lm, given))
    assert scorer.computed == sum(map(len, given))


def test_texts_longer_than_the_window_are_not_shared(make: Make) -> None:
    lm = strong(make("mistral-wide"))
    scorer = LabelScorer(lm, LABELS)
    given = [text * 2 for text in texts()]
    assert max(map(len, given)) > 40
    assert same(scorer.score(given), one_by_one(lm, given))
    assert scorer.computed == sum(map(len, given))


@each("family", ["bert", "roberta"])
def test_masked_models_are_read_at_the_mask(make: Make, family: str) -> None:
    lm = strong(make(family))
    mask = lm.tokenizer.mask_token_id
    given = [(*text, mask, 9, 10) for text in texts()]
    scorer = LabelScorer(lm, LABELS)
    assert same(scorer.score(given), one_by_one(lm, given))
    assert scorer.computed == sum(map(len, given))
    for wrong, count in (((5, 6), 0), ((mask, 6, mask), 2)):
        with pytest.raises(EvollmError, match=f"text 1 has {count} masks"):
            scorer.score([given[0], wrong])


@each("size", [1, 40, 100, 1000])
def test_the_size_of_batches_changes_nothing(lm: LM, size: int) -> None:
    lm, given = strong(lm), texts(count=30)
    found = LabelScorer(lm, LABELS, batch_tokens=size).score(given)
    assert same(found, one_by_one(lm, given))


def test_equal_prompts_get_equal_bits_beside_any_other_and_in_any_order(lm: LM) -> None:
    given, other = texts(), texts(seed=1)
    scorer = LabelScorer(lm, LABELS)
    first = scorer.score(given)
    found = list(scorer.score_many([other, given, given[::-1], given]))
    assert np.array_equal(found[1], first)
    assert np.array_equal(found[2][::-1], first)
    assert np.array_equal(found[3], first)
    assert not np.array_equal(found[0], first)


@each(
    "given, right",
    [
        ([(1, 2, 3)], 3),
        ([(1, 2, 3), (4, 2, 3)], 6),
        ([(1, 2, 3), (1, 2, 3)], 4),
        ([(1, 2), (1, 2, 3), (1, 2, 3, 4)], 1 + 1 + 2 + 3),
        (texts(start=20, count=5), None),
    ],
    ids=["one", "nothing shared", "equal", "each other's starts", "a prompt"],
)
def test_tokens_are_counted(lm: LM, given: Sequence[tuple[int, ...]], right: int | None) -> None:
    scorer = LabelScorer(lm, LABELS)
    scorer.score(given)
    whole = sum(map(len, given))
    assert scorer.computed == scorer.nominal(given) == (right or whole - 20 * 4)
    [*_, last] = scorer.score_many([given] * 3)
    assert scorer.computed == 4 * scorer.nominal(given)
    assert len(last) == len(given)


def test_labels_of_several_tokens_are_sums_of_log_probabilities(make: Make) -> None:
    lm, given = strong(make("gemma2-wide")), texts(count=3)
    labels = ((40, 41, 42), (7,))
    found = LabelScorer(lm, labels).score(given)
    for row, text in zip(found, given, strict=True):
        for score, label in zip(row, labels, strict=True):
            logits = lm.model(torch.tensor([[*text, *label]])).logits[0]
            places = range(len(text) - 1, len(text) - 1 + len(label))
            shares = logits.log_softmax(1)[list(places), list(label)]
            assert abs(score - float(shares.sum())) < 1e-5


def test_half_precision_gives_single_precision_scores(make: Make) -> None:
    lm = strong(make("granite"))
    half = replace(lm, model=lm.model.to(torch.bfloat16), dtype=torch.bfloat16)
    scorer, given = LabelScorer(half, LABELS), texts()
    found = scorer.score(given)
    assert scorer.computed == scorer.nominal(given)
    assert np.abs(found - one_by_one(strong(make("granite")), given)).max() < 0.05
    rounded = torch.from_numpy(found).to(torch.bfloat16).float().numpy()
    assert (rounded != found).mean() > 0.8


def test_the_model_itself_is_left_as_it_was(lm: LM) -> None:
    ids = torch.tensor([[5, 6, 7]])
    before = lm.model(ids).logits
    LabelScorer(lm, LABELS).score(texts())
    after = lm.model(ids).logits
    assert after.shape[-1] == lm.vocabulary
    assert torch.equal(before, after)


def test_what_cannot_be_scored(lm: LM, make: Make) -> None:
    with pytest.raises(EvollmError, match=r"a text has 129 tokens, and .* takes 1 to 128"):
        LabelScorer(lm, LABELS).score([(5,) * 129, (5, 6)])
    with pytest.raises(EvollmError, match="a text has 0 tokens"):
        LabelScorer(lm, LABELS).score([()])
    with pytest.raises(EvollmError, match="at least one label"):
        LabelScorer(lm, [])
    with pytest.raises(EvollmError, match="at least one id"):
        LabelScorer(lm, [(5,), ()])
    with pytest.raises(EvollmError, match="fills in one mask"):
        LabelScorer(make("bert"), [(5, 6), (7,)])
    with pytest.raises(EvollmError, match="batch_tokens must be"):
        LabelScorer(lm, LABELS, batch_tokens=0)


@pytest.mark.model
def test_the_offline_model_scores_fast_as_slow() -> None:
    lm = load()
    reviews = ("a fine film .", "dull , and far too long !", "the best of the year")
    given = [
        ids_of(lm, f"Review: Good!\nSentiment: great\nReview: {r}\nSentiment:") for r in reviews
    ]
    labels = [ids_of(lm, word)[0] for word in (" terrible", " great")]
    scorer = LabelScorer(lm, labels)
    for text, row in zip(given, scorer.score(given), strict=True):
        right = lm.model(torch.tensor([text])).logits[0, -1, labels]
        assert np.abs(row - right.numpy()).max() < 1e-4
    assert scorer.computed == scorer.nominal(given) < sum(map(len, given)) - 15
    assert np.array_equal(scorer.score(given), scorer.score(given))


def test_a_small_model_on_a_graphics_card_computes_short_starts_again(make: Make) -> None:
    lm = make()
    there = replace(lm, device=torch.device("meta"))
    assert Passes(lm, None)._pays(1)
    assert not Passes(there, None)._pays(1000)
    assert Passes(there, None)._pays(10**9)
