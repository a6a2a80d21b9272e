"""LLMLingua-2: words are kept by what a classifier says of them, whole, at each rate."""

import re

import numpy as np
import pytest
import torch
import transformers

from evollm import EvollmError, run
from problems.prompts.methods import llmlingua
from problems.prompts.methods.llmlingua import KeepWords, LLMLingua, probabilities
from tests.problems.lm.support_tiny import SIZES, tokenizer
from tests.problems.prompts.support_toy import Sums, toy
from tests.support_each import each

TEXT = "one two, three\nfour {sentence_1}"
WORDS = [found.span() for found in re.finditer(r"\S+", TEXT)]


def save(folder, **changes):
    """Save a random token classifier with a tiny tokenizer; return the folder's name."""
    sizes = {**SIZES, "num_labels": 2, **changes}
    torch.manual_seed(0)
    made = transformers.BertForTokenClassification(transformers.BertConfig(**sizes))
    made.save_pretrained(folder)
    tokenizer(around=True).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("classifier"))


def expected(folder, text):
    """Return the mean of class 1 over each word's tokens, by one pass over the whole text."""
    cut = tokenizer(around=True)
    found = cut(text, return_offsets_mapping=True)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([found["input_ids"]])).logits[0]
    keep = logits.softmax(-1)[:, 1].numpy()
    means = []
    for start, stop in [one.span() for one in re.finditer(r"\S+", text)]:
        inside = [
            i
            for i, (first, last) in enumerate(found["offset_mapping"])
            if first < last and start < last <= stop and first >= start - 1
        ]
        means.append(keep[inside].mean())
    return means


def test_a_word_is_kept_as_its_tokens_are_on_average(folder):
    text = "one two, three four"
    words = [one.span() for one in re.finditer(r"\S+", text)]
    assert probabilities(folder, text, words) == pytest.approx(expected(folder, text), abs=1e-6)


def test_a_long_prompt_is_read_in_pieces(folder):
    text = " ".join(["counted stones"] * 60)
    words = [one.span() for one in re.finditer(r"\S+", text)]
    found = probabilities(folder, text, words)
    assert len(found) == 120
    assert ((found > 0) & (found < 1)).all()


@each(
    ("rate", "kept"),
    [
        (1.0, [True] * 6),
        (0.6, [True, True, True, True, False, False]),
        (0.5, [True, True, True, True, False, False]),
        (0.3, [False, False, True, True, False, False]),
        (0.01, [False, False, True, True, False, False]),
    ],
)
def test_the_likeliest_words_stay_whole(rate, kept, monkeypatch):
    monkeypatch.setattr(llmlingua, "probabilities", lambda *_: np.array([0.5, 0.9, 0.2, 0.1, 0.3]))
    # Tokens: "o", "ne", " two", ",", " three", "\nfour": the last three words have one each.
    keep = KeepWords("", TEXT, (0, 1, 3, 7, 8, 14), (rate,))
    [mask] = keep.vary([], 1, 0).genomes
    assert mask.tolist() == kept


def test_every_rate_is_scored_once_and_the_best_is_found(folder):
    judge = Sums()
    problem = toy(judge, letters="abcdef")
    result = run(LLMLingua(folder, rates=4).flow(problem, 0), problem)
    assert result.stopped == "every rate is scored"
    assert judge.scored == ["abcdef"]  # the letters are one word, which stays
    assert result.best.fitness == 60


def test_slots_stay_whatever_the_classifier_says(folder):
    problem = toy(Sums(dict.fromkeys("abcdef ", 1)), letters="a b c d e f ")
    result = run(LLMLingua(folder, rates=12, lowest=0.01).flow(problem, 0), problem)
    texts = [problem.write(one.genome) for one in map(result.candidate, range(13))]
    assert all(text.endswith("{sentence_1}") for text in texts)
    lengths = [len(text) for text in texts]
    assert lengths == sorted(lengths, reverse=True)
    assert (lengths[0], lengths[-1]) == (24, 14)


@each(
    ("given", "message"),
    [
        ({"rates": 0}, "rates must be a whole number, 1 or more"),
        ({"lowest": 0.0}, "lowest must be above 0"),
        ({"lowest": 0.99}, "lowest must be above 0 and at most highest"),
    ],
)
def test_wrong_rates_are_refused(given, message):
    with pytest.raises(EvollmError, match=message):
        LLMLingua("x", **given)


def test_what_is_no_classifier_is_refused(tmp_path):
    problem = toy(Sums())
    with pytest.raises(EvollmError, match="can't be read as a token classifier"):
        run(LLMLingua(str(tmp_path / "none")).flow(problem, 0), problem)
    one = save(tmp_path / "one", num_labels=1)
    with pytest.raises(EvollmError, match="no token classifier with two classes"):
        run(LLMLingua(one).flow(problem, 0), problem)
    bare = tmp_path / "bare"
    transformers.BertModel(transformers.BertConfig(**SIZES)).save_pretrained(bare)
    tokenizer().save_pretrained(bare)
    with pytest.raises(EvollmError, match="no token classifier with two classes"):
        run(LLMLingua(str(bare)).flow(problem, 0), problem)
    with pytest.raises(EvollmError, match="needs a folder with its classifier"):
        run(LLMLingua().flow(problem, 0), problem)
