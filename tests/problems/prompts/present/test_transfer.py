"""A pruned prompt with a model that it was not pruned for: scripted, and one of random weights."""

from dataclasses import replace

import pytest

from evollm import Budget, EvollmError
from problems.prompts.methods.evolution import Evolution
from problems.prompts.present.transfer import transfer
from tests.problems.lm.support_tiny import folder
from tests.problems.prompts.support_words import Moody, system, task

SMALL = Evolution(population=4, offspring=6, min_length=3)
BUDGET = Budget(evaluations=30)


def test_the_same_reader_scores_as_the_search_did() -> None:
    search = system(SMALL)
    found = search.pruned(search.run(BUDGET))
    other = transfer(found, Moody(name="twin"))
    assert other.pruned == found.scores["test"]["accuracy"]
    assert other.unpruned == found.unpruned["test"]["accuracy"]
    assert other.difference.mean == pytest.approx(other.pruned.mean - other.unpruned.mean)
    assert str(other).startswith("accuracy with twin: pruned ")


def test_a_model_of_random_weights_with_another_tokenizer_reads_the_prompt(tmp_path) -> None:
    own = replace(task(), labels=("t", "a"))
    search = system(SMALL, task=own, prompt="the food was a \n\nNote: {sentence_1}\nMood:")
    found = search.pruned(search.run(BUDGET))
    other = transfer(found, folder(tmp_path / "tiny"))
    assert other.model == str(tmp_path / "tiny")
    assert 0 <= other.pruned.mean <= 1
    assert other.pruned.examples == other.unpruned.examples == 20


def test_without_test_examples_there_is_nothing_to_score() -> None:
    own = task()
    search = system(SMALL, task=own.with_splits(replace(own.splits, test=())))
    found = search.pruned(search.run(BUDGET))
    with pytest.raises(EvollmError, match="the task mood has no test examples: give some"):
        transfer(found, Moody())
