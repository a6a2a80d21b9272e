"""Tasks: how prompts are written, and which examples they take."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evollm.errors import EvollmError
from problems.prompts.data.example import Example
from problems.prompts.data.splits import Splits
from problems.prompts.data.task import Task
from tests.problems.prompts.data.support_data import task, write
from tests.support_each import each

BLOCK = "Review: {sentence_1}\nSentiment:"


def of(text: str, label: int | None = 0, **more: Any) -> Example:
    return Example({"sentence_1": text}, label, **more)


def test_a_prompt_shows_rounds_of_one_per_class_in_one_order() -> None:
    films = task()
    orders = set()
    for seed in range(8):
        *shown, last = films.prompt(3, seed).text.split("\n\n")
        words = [block.rsplit(" ", 1)[1] for block in shown]
        assert words == words[:2] * 3
        assert len(set(shown)) == 6
        orders.add(tuple(words[:2]))
        assert last == BLOCK
        known = {films.demonstration(one) for one in films.splits.demonstrations}
        assert known >= set(shown)
    assert orders == {("terrible", "great"), ("great", "terrible")}
    assert films.prompt(2, 5) == films.prompt(2, 5) != films.prompt(2, 6)
    assert films.prompt(0).text == BLOCK


def test_a_masked_prompt_leaves_the_answer_to_the_mask() -> None:
    prompt = task().prompt(1, 0, masked=True)
    assert prompt.text.endswith(f"\n\n{BLOCK} {{mask_token}}")
    assert prompt.fill({"sentence_1": "x", "mask_token": "<mask>"}).endswith("Sentiment: <mask>")


def test_texts_that_would_read_as_slots_are_not_demonstrated() -> None:
    shown = (of("bad"), of("bad {sentence_1}"), of("bad {option_2}"), of("good", 1))
    films = task().with_splits(Splits(demonstrations=shown))
    assert films.prompt(1, 3).text.count("{") == 1
    own = replace(films, block="{review} is", slots=("review",), splits=Splits())
    texts = Example({"review": "a {review}"}, 0), Example({"review": "b"}, 1)
    with pytest.raises(EvollmError, match="has 0 examples to demonstrate 'terrible' and 1"):
        own.with_splits(Splits(demonstrations=texts)).prompt()
    with pytest.raises(
        EvollmError, match=r"has 1 examples to demonstrate '(great|terrible)' and 2"
    ):
        films.prompt(2)


def test_worked_answers_and_closing_marks_are_written() -> None:
    sums = Task("sums", "reasoning", (), "Q: {sentence_1}\nA:")
    shown = Example({"sentence_1": "1 + 1?"}, answer="2", worked="The answer is 2.")
    assert sums.demonstration(shown) == "Q: 1 + 1?\nA: The answer is 2."
    assert sums.stop == ("\n\n", "Q:")
    style = Task("polite", "style", (), 'Rude: "{sentence_1}"\nPolite: "', joint="", closing='"')
    shown = Example({"sentence_1": "Go."}, answer="Please go.")
    assert style.demonstration(shown) == 'Rude: "Go."\nPolite: "Please go."'
    assert style.stop[0] == '"'
    prompt = style.with_splits(Splits(demonstrations=(shown,))).prompt()
    assert prompt.text.endswith('\n\nRude: "{sentence_1}"\nPolite: "')


def test_a_users_own_prompt_is_read_from_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, "prompt.txt", "{a}: {sentence_1} =\n")
    assert task().read_template(path).text == "{a}: {sentence_1} ="
    with pytest.raises(EvollmError, match=r"'x' of the task films lacks the slot \{sentence_1\}"):
        task().read_template(write(tmp_path, "prompt.txt", "x"))
    with pytest.raises(EvollmError, match="cannot be read: No such file"):
        task().read_template(tmp_path / "none.txt")


def test_examples_take_words_or_numbers_for_labels() -> None:
    found = task().examples(["a", {"sentence_1": "b"}, "c"], ["Great", 0, "1"])
    assert [one.label for one in found] == [1, 0, 1]
    assert [one.fields["sentence_1"] for one in found] == ["a", "b", "c"]
    with pytest.raises(EvollmError, match="was given 2 texts and 1 answers: give one answer per"):
        task().examples(["a", "b"], [1])


@each(
    ("examples", "why"),
    [
        ([], "the examples for the task films are empty"),
        ([of("a"), of("b")], "all examples for the task films have the label 'terrible'"),
        ([of("a"), of("b", 2)], "has the label 2, which the task films lacks: use 0 to 1"),
        ([of("a"), of("b", None)], "has the label None, which"),
        ([Example({"text": "a"}, 0)], "lacks the text for the slot {sentence_1}"),
    ],
)
def test_unusable_examples_are_refused(examples: list[Example], why: str) -> None:
    with pytest.raises(EvollmError) as caught:
        task().usable(examples)
    assert why in str(caught.value)


@each(
    ("labels", "block", "why"),
    [
        (("good",), BLOCK, "needs two or more label words"),
        (("good", "good"), BLOCK, "label word 'good' of the task films is empty or given twice"),
        (("good", " "), BLOCK, "label word ' ' of the task films is empty or given twice"),
        (("good", "bad"), "Review:", "lacks the slot {sentence_1}"),
    ],
)
def test_tasks_that_no_prompt_fits_are_refused(
    labels: tuple[str, ...], block: str, why: str
) -> None:
    with pytest.raises(EvollmError) as caught:
        Task("films", "classification", labels, block)
    assert why in str(caught.value)
