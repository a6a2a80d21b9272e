"""A pruned prompt as a scikit-learn classifier: fit, predict, save, and what is refused."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

from evollm import Budget, EvollmError
from problems.prompts import PromptClassifier, PrunedPrompt
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.greedy import TAPruning
from tests.problems.prompts.support_words import BLOCK, DEMONSTRATION, Moody, examples
from tests.support_each import each

SMALL = Evolution(population=4, offspring=6, min_length=3)
WORDS = {"bad": "awful", "good": "great"}
TEXTS = [one.fields["sentence_1"] for one in examples(64)]
LABELS = [("bad", "good")[one.label or 0] for one in examples(64)]


def classifier(**chosen: Any) -> PromptClassifier:
    """Return one with a scripted model and a short search."""
    given: dict[str, Any] = {
        "words": WORDS,
        "block": BLOCK,
        "method": SMALL,
        "budget": Budget(evaluations=25),
        "random_state": 0,
    }
    return PromptClassifier(Moody(), **{**given, **chosen})


FITTED = classifier(prompt=DEMONSTRATION + BLOCK).fit(TEXTS, LABELS)


def test_it_prunes_and_predicts() -> None:
    assert FITTED.classes_.tolist() == ["bad", "good"]
    assert FITTED.predict(TEXTS[:4]).tolist() == LABELS[:4]
    assert FITTED.score(TEXTS, LABELS) == 1
    shares = FITTED.predict_proba(TEXTS)
    assert shares.shape == (64, 2)
    assert shares.sum(axis=1) == pytest.approx(1)
    assert FITTED.classes_[shares.argmax(axis=1)].tolist() == LABELS
    assert FITTED.prompt_ == FITTED.pruned_.prompt
    assert FITTED.pruned_.unpruned["test"]["accuracy"].mean < 1
    assert FITTED.predict([]).shape == (0,)


def test_demonstrations_are_drawn_and_the_seed_is_all_the_chance() -> None:
    first, again, other = (classifier(random_state=n).fit(TEXTS, LABELS) for n in (0, 0, 1))
    assert first.prompt_ == again.prompt_
    assert first.prompt_.unpruned != other.prompt_.unpruned
    assert first.prompt_.unpruned.count("\nMood: ") == 2


@each(
    "labels, words",
    [
        ([0, 1], {0: "awful", 1: "great"}),
        ([True, False], {True: "awful", False: "great"}),
        ([(1, "x"), None], {(1, "x"): "awful", None: "great"}),
        ([1.5, "b"], {1.5: "awful", "b": "great"}),
        ([7, 3], None),
    ],
)
def test_labels_of_any_kind(labels: list[Any], words: Any) -> None:
    given = [labels[one.label or 0] for one in examples(64)]
    found = classifier(words=words, method=TAPruning(), prompt=BLOCK).fit(TEXTS, given)
    assert set(found.classes_.tolist()) == set(labels)
    right = found.score(TEXTS, given)
    assert right == (0 if labels == [7, 3] else 1 - (labels == [True, False]))  # sorted: 3, 7
    wanted = labels if right else labels[::-1]
    assert found.predict(TEXTS[:2]).tolist() == wanted


def test_arrays_and_weights_are_taken() -> None:
    texts, labels = np.array(TEXTS), np.array(LABELS)
    found = classifier(method=TAPruning()).fit(texts, labels)
    assert found.score(texts, labels) == 1
    wrong = np.where(np.arange(64) < 1, "good", labels)
    assert found.score(texts, wrong, np.arange(64.0)) == 1
    assert found.score(texts, wrong) == 63 / 64


def test_it_is_scikit_learns() -> None:
    copy = clone(FITTED)
    assert copy.get_params()["words"] == WORDS
    assert not hasattr(copy, "prompt_")
    assert copy.set_params(shots=2).shots == 2
    scores = cross_val_score(classifier(method=TAPruning()), TEXTS, LABELS, cv=2)
    assert scores.tolist() == [1, 1]


def test_a_pickle_predicts_without_the_run() -> None:
    again = pickle.loads(pickle.dumps(FITTED))
    assert again.predict(TEXTS).tolist() == LABELS
    assert not hasattr(again, "pruned_")
    assert hasattr(FITTED, "pruned_")


@each("mode", ["text", "ids"])
def test_a_file_names_the_model_and_predicts(mode: str, tmp_path: Path) -> None:
    fitted = classifier(prompt=DEMONSTRATION + BLOCK, mode=mode).fit(TEXTS, LABELS)
    kept = json.loads(fitted.save(tmp_path / "mood.json").read_text())
    assert (kept["model"], kept["tokenizer"]) == ("moody", "words")
    again = PromptClassifier.load(tmp_path / "mood.json", Moody())
    assert again.predict_proba(TEXTS).tolist() == fitted.predict_proba(TEXTS).tolist()
    assert again.predict(TEXTS).tolist() == LABELS
    assert again.get_params()["words"] == WORDS


def test_a_saved_prompt_classifies_by_its_words(tmp_path: Path) -> None:
    FITTED.pruned_.save(tmp_path / "prompt.json")
    prompt = PrunedPrompt.load(tmp_path / "prompt.json")
    for found in (
        PromptClassifier.of(prompt, Moody()),
        PromptClassifier.load(tmp_path / "prompt.json", Moody()),
    ):
        assert found.predict(TEXTS[:2]).tolist() == ["awful", "great"]
    named = PromptClassifier.of(FITTED.pruned_, Moody(), classes=[-1, 1])
    assert named.predict(TEXTS[:2]).tolist() == [-1, 1]
    assert PromptClassifier.of(prompt).model == "moody"


def test_another_model_is_warned_of_by_name() -> None:
    other = PromptClassifier.of(FITTED.prompt_, Moody(name="gloomy", digest="5678"))
    said = "pruned for moody (1234) and is read by gloomy (5678)"
    with pytest.warns(UserWarning, match=said.replace("(", r"\(").replace(")", r"\)")):
        other.predict(TEXTS[:1])
    other.predict(TEXTS[:1])  # once is enough
    PromptClassifier.of(FITTED.prompt_, Moody(name="folder/moody")).predict(TEXTS[:1])


@each(
    "chosen, labels, said",
    [
        ({}, ["good"] * 64, "all 64 texts have the label 'good': give texts of another label, too"),
        ({"words": {"bad": "awful"}}, LABELS, "words has no word for the label 'good'"),
        ({"words": {**WORDS, "odd": "so"}}, LABELS, "for the label 'odd', which no text has"),
        ({"words": {"bad": "very bad", "good": "good"}}, LABELS, "'very bad' is 2 tokens"),
        ({"words": {"bad": "bad", "good": "bad"}}, LABELS, "'bad' .* is empty or given twice"),
        ({}, LABELS[:3], "64 texts have 3 labels"),
        ({}, [["good"]] * 64, "can't be told from others"),
        ({"block": "Note:"}, LABELS, "{sentence_1}"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_a_sentence(
    chosen: Any, labels: Any, said: str
) -> None:
    with pytest.raises(EvollmError, match=said) as caught:
        classifier(**chosen).fit(TEXTS, labels)
    assert "\n" not in str(caught.value)


@each(
    "texts, said",
    [
        ("one text", "a list of texts"),
        ([3, 4], "must be a text, not '3'"),
        ([{"other": "a"}], "must be a text"),
    ],
)
def test_texts_that_are_none_are_refused(texts: Any, said: str) -> None:
    with pytest.raises(EvollmError, match=said):
        FITTED.predict(texts)


def test_several_slots_take_texts_by_name() -> None:
    pairs = [{"subject": f"day {n}", "remark": text} for n, text in enumerate(TEXTS)]
    block = "About {subject}\nNote: {remark}\nMood:"
    found = classifier(block=block, method=TAPruning()).fit(pairs, LABELS)
    assert found.score(pairs, LABELS) == 1
    with pytest.raises(EvollmError, match="a text by name for each of subject, remark"):
        found.predict(["a text"])


def test_without_a_prompt_it_says_what_to_do(tmp_path: Path) -> None:
    for use in (lambda one: one.predict(TEXTS), lambda one: one.save(tmp_path / "none.json")):
        with pytest.raises(NotFittedError, match=r"call fit\(texts, labels\), or use"):
            use(classifier())


def test_files_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    with pytest.raises(EvollmError, match="can't be read"):
        PromptClassifier.load(file)
    file.write_text("{}")
    with pytest.raises(EvollmError, match="is not a prompt classifier or pruned prompt"):
        PromptClassifier.load(file)
    file.write_text('{"format": "evollm prompt classifier 1", "prompt": {"text": "a"}}')
    with pytest.raises(EvollmError, match="lacks ids, token_slots"):
        PromptClassifier.load(file)


def test_a_prompt_without_label_words_is_refused() -> None:
    kept = FITTED.prompt_.as_json()
    prompt = PrunedPrompt.from_json({**kept, "kind": "reasoning", "labels": []}, "here")
    with pytest.raises(EvollmError, match="which has no label words"):
        PromptClassifier.of(prompt)
    with pytest.raises(EvollmError, match="there are 3 classes: give one for each word"):
        PromptClassifier.of(FITTED.prompt_, classes="abc")


def test_a_label_that_json_does_not_know_cannot_be_saved(tmp_path: Path) -> None:
    found = PromptClassifier.of(FITTED.prompt_, classes=[(1, 2), (3, 4)])
    with pytest.raises(EvollmError, match=r"the label \(1, 2\) can't be written"):
        found.save(tmp_path / "mine.json")


def test_the_package_loads_its_names_late() -> None:
    code = (
        "import sys, problems.prompts.data.task, problems.prompts as p; "
        "assert 'sklearn' not in sys.modules and 'torch' not in sys.modules; "
        "assert p.PromptQuine.__name__ == 'PromptQuine'; "
        "assert p.PromptClassifier.__module__ == 'problems.prompts.classifier'; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
