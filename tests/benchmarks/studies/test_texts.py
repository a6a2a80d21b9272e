"""The tasks of the study of texts: answers of a model are data, and mistakes are told."""

import pytest

from evollm import Candidate
from evollm.llm.scripted import Scripted
from operators.text import EditText
from operators.text.prompting import TextCodec, TextMutation
from tests.benchmarks.studies.texts import Readable, Task, codes, instruction, pattern, times
from tests.support_each import each


@each("answer", ["", "(", "a" * 300, "(?=a)", "(a{1000}){1000}"])
def test_what_is_no_pattern_is_rejected(answer: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        pattern(answer)


@each("answer", ["", "{sentence_1}", "word " * 100])
def test_what_can_not_stand_in_a_prompt_is_rejected(answer: str) -> None:
    with pytest.raises(ValueError, match="instruction"):
        instruction(answer)


@each(
    ("task", "answer", "partly"),
    [
        (codes(), "[A-Z]{2}-[0-9]{4}", "[A-Z]+-[0-9]+"),
        (times(), "([01][0-9]|2[0-3]):[0-5][0-9]", "[0-9]+:[0-9]+"),
    ],
)
def test_the_right_pattern_is_right_and_others_are_told_why(
    task: Task, answer: str, partly: str
) -> None:
    assert task.score(answer).fitness == task.test(answer) == 1.0
    found = task.score(partly)
    assert 0.8 < found.fitness < 1.0
    assert "it should not match" in found.info
    assert 0 < task.score("[0-9]+").fitness < found.fitness
    assert task.score("([0-9A-Z:-]*)*$").fitness < 1.0  # slow in Python's re


def test_edited_texts_that_are_no_patterns_are_rejected() -> None:
    codec = TextCodec(read=pattern)
    asked = TextMutation(Scripted(lambda *_: "(("), "Find a pattern.", codec)
    assert asked.vary([], 3, 0).rejected == {"unreadable answer": 6}

    parent = Candidate(0, "ab", (), "given", 0)
    edited = Readable(EditText("characters", alphabet=("(", "a")), pattern)
    made = edited.vary([parent], 10, 1)
    assert 0 < len(made.genomes) <= 10
    assert made.rejected["unreadable text"] > 0
