"""The model that is a function."""

import pickle
from dataclasses import replace

import pytest

from evollm.llm.base import Completion, LanguageModel, ModelError, Prompt, Sampling
from evollm.llm.scripted import Scripted


def repeat(prompt: Prompt, sample: int, sampling: Sampling) -> str:
    return f"{prompt}|{sample}|{sampling.seed}|{sampling.max_tokens}"


def test_it_is_a_language_model_that_calls_the_function() -> None:
    model: LanguageModel = Scripted(repeat, name="echo")
    assert isinstance(model, LanguageModel)
    answers = model.complete(["a", "b"], Sampling(seed=7, max_tokens=3), n=2)
    assert [[answer.text for answer in group] for group in answers] == [
        ["a|0|7|3", "a|1|8|3"],
        ["b|0|7|3", "b|1|8|3"],
    ]
    assert model.name == "echo"


def test_it_pickles() -> None:
    assert pickle.loads(pickle.dumps(Scripted(repeat))) == Scripted(repeat)


def test_a_completion_is_passed_on() -> None:
    given = Completion("x", error="odd", prompt_tokens=3, completion_tokens=1, cost=0.0)
    [[found]] = Scripted(lambda *_: given).complete(["a"])
    assert found.key
    assert replace(found, key="") == given


def test_the_stop_ends_the_answer() -> None:
    model = Scripted(lambda *_: "a;b\nc")
    assert model.complete(["p"], Sampling(stop=["\n", ";"]))[0][0].text == "a"
    assert model.complete(["p"], Sampling(stop=";b"))[0][0].text == "a"


def test_the_schema_is_checked() -> None:
    model = Scripted(lambda prompt, sample, sampling: str(prompt))
    good, bad = model.complete(["3", "three"], Sampling(schema={"type": "integer"}))
    assert good[0].error is None
    assert bad[0].error is not None


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ModelError):
        Scripted(repeat).complete(["a"], n=0)
