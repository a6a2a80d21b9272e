"""The model that is a function."""

import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from evollm.llm.base import Completion, LanguageModel, ModelError, Prompt
from evollm.llm.scripted import Scripted


def repeat(prompt: Prompt, sample: int, options: Mapping[str, Any]) -> str:
    return f"{prompt}|{sample}|{options['seed']}|{options['max_tokens']}"


def test_it_is_a_language_model_that_calls_the_function() -> None:
    model: LanguageModel = Scripted(repeat, name="echo")
    assert isinstance(model, LanguageModel)
    answers = model.complete(["a", "b"], n=2, seed=7, max_tokens=3)
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
    assert found == replace(given, key=found.key)


def test_the_stop_ends_the_answer() -> None:
    assert Scripted(lambda *_: "a;b\nc").complete(["p"], stop=["\n", ";"])[0][0].text == "a"


def test_the_schema_is_checked() -> None:
    model = Scripted(lambda prompt, sample, options: str(prompt))
    good, bad = model.complete(["3", "three"], schema={"type": "integer"})
    assert good[0].error is None
    assert bad[0].error is not None


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ModelError):
        Scripted(repeat).complete(["a"], n=0)
