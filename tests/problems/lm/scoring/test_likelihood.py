"""The likelihood of texts, against whole passes one by one."""

import numpy as np
import pytest
import torch

from evollm.errors import EvollmError
from problems.lm import LM
from problems.lm.scoring import log_likelihoods
from tests.problems.lm.conftest import Make
from tests.problems.lm.scoring.support_texts import same, strong, texts
from tests.support_each import each


def shares(lm: LM, text: tuple[int, ...]) -> torch.Tensor:
    """Log-probabilities of all tokens but the first."""
    found = lm.model(torch.tensor([text])).logits[0, :-1].log_softmax(1)
    return found[range(len(text) - 1), text[1:]]


@each("family", ["llama", "gemma2", "gpt2", "mamba"])
def test_means_over_the_tokens_of_a_text(make: Make, family: str) -> None:
    lm = strong(make(family))
    given = [*texts(count=5), (7, 8), *texts(seed=1, count=2)]
    right = np.array([shares(lm, text).mean() for text in given])
    for size in (1, 50, 1000):
        found = log_likelihoods(lm, given, batch_tokens=size)
        assert found.dtype == np.float32
        assert same(found, right)


def test_the_ends_of_texts_behind_a_shared_start(lm: LM) -> None:
    lm, given = strong(lm), texts()
    counts = [len(text) - 12 for text in given]
    right = [shares(lm, text)[-n:].mean() for text, n in zip(given, counts, strict=True)]
    assert same(log_likelihoods(lm, given, counts), np.array(right))


def test_texts_without_a_likelihood(lm: LM, make: Make) -> None:
    with pytest.raises(EvollmError, match="fills in masks"):
        log_likelihoods(make("bert"), texts())
    with pytest.raises(EvollmError, match="text 1 has 1 tokens"):
        log_likelihoods(lm, [(5, 6), (5,)])
    with pytest.raises(EvollmError, match="text 0 has 2 tokens, and the probability of its last 2"):
        log_likelihoods(lm, [(5, 6)], [2])
    with pytest.raises(EvollmError, match="takes 1 to 128"):
        log_likelihoods(lm, [(5,) * 130])
