"""Models cut to a few rows of their output matrix: the same logits, or none where that fails."""

import torch
from accelerate.hooks import ModelHook, add_hook_to_module

from problems.lm.forward import logits
from problems.lm.scoring import LabelScorer
from problems.lm.scoring.head import narrowed
from tests.problems.lm.conftest import Make
from tests.problems.lm.scoring.support_texts import LABELS, one_by_one, same, strong, texts
from tests.support_each import each

FAMILIES = ["llama", "llama-tied", "qwen2", "phi", "gemma2-wide", "gpt2", "cohere", "granite"]
FAMILIES += ["bloom", "mamba", "bert", "roberta"]


@each("family", FAMILIES)
def test_a_family_treats_few_logits_like_all(make: Make, family: str) -> None:
    lm = strong(make(family))
    few = narrowed(lm, LABELS)
    assert few is not None
    assert few.vocabulary == 3
    ids = torch.tensor([[5, 6, 7, 8]])
    assert torch.allclose(logits(few, ids), logits(lm, ids)[..., list(LABELS)], atol=1e-5)


def test_a_model_whose_layers_are_called_in_another_way_is_left_whole(make: Make) -> None:
    lm = strong(make("llama"))
    add_hook_to_module(lm.model, ModelHook())  # as one that is spread over several devices
    assert narrowed(lm, LABELS) is None
    assert same(LabelScorer(lm, LABELS).score(texts()), one_by_one(lm, texts()))
