"""A model sees the program with its score and feedback, failures, and why an answer was refused."""

import re
from typing import Any

import pytest

from evollm.errors import EvollmError
from evollm.llm.base import Completion
from evollm.llm.scripted import Scripted
from evollm.testing import OperatorKit
from evollm.types import Candidate, Individual, Outcome
from operators.programs import ProgramEdits
from operators.programs.prompting import FAILED, FEEDBACK
from problems.programs import wording
from tests.operators.programs.support_code import BLOCK, FRAME, WORDS, code, diff

LAST = "    return x * 2 + 1.5"


def numbered(prompt: Any, sample: int, sampling: Any) -> str:
    return diff((LAST, f"    return x * {sampling.seed % 97}"))


def individual(number: int, block: str, outcome: Outcome) -> Individual[str]:
    return Individual(Candidate(number, block, (), "given", 0), outcome)


class TestProgramEdits(OperatorKit):
    @pytest.fixture
    def case(self) -> Any:
        return ProgramEdits(Scripted(numbered), FRAME, WORDS), [BLOCK]


def test_the_prompt_shows_scores_feedback_other_versions_and_the_latest_failure() -> None:
    told = {"worst case": "x = 3 gives 7, not 6"}
    first = individual(1, BLOCK, Outcome(0.25, {"speed": 3.5}, info={FEEDBACK: told}))
    better = individual(2, BLOCK.replace("1.5", "$2.5"), Outcome(0.5))
    trace = {"traceback": "A" * 3000 + "ZeroDivisionError"}
    broken = individual(3, BLOCK.replace("1.5", "1 / 0"), Outcome(0, {}, "it broke",
                        {FEEDBACK: trace, FAILED: True}))  # fmt: skip
    operator = ProgramEdits(Scripted(numbered), FRAME, WORDS, task="Be $fast.", longest=500)
    [system, user] = operator.prompt([first, better, broken, first])
    assert system["role"] == "system"
    text = user["content"]
    order = ["Be $fast.", "def main():", "combined_score: 0.5", "$2.5", "failed", "1 / 0",
             "it broke", "ZeroDivisionError", "combined_score: 0.25", "speed: 3.5", LAST,
             "worst case: x = 3 gives 7, not 6", "<<<<<<< SEARCH"]  # fmt: skip
    places = [text.find(part) for part in order]
    assert -1 not in places
    assert places == sorted(places)
    assert "A" * 600 not in text
    assert text.count(BLOCK.rstrip()) == 1


def test_a_refused_answer_is_asked_for_again_with_its_reason() -> None:
    prompts: list[str] = []

    def answer(prompt: Any, sample: int, sampling: Any) -> str | Completion:
        prompts.append(prompt[-1]["content"])
        if "could not be used" in prompts[-1]:
            return code(f"def f(x):\n    return {sampling.seed % 97}")
        return [diff(("nowhere", "x")), "```python\nx = 1"][sample]

    made = ProgramEdits(Scripted(answer), FRAME, WORDS).vary([individual(1, BLOCK, Outcome(1.0))],
                                                             2, 5)  # fmt: skip
    assert [len(made.genomes), made.asked, made.supplied] == [2, 2, 2]
    assert len({*made.genomes}) == 2
    assert dict(made.rejected) == {
        "the SEARCH part of edit 1 is nowhere": 1, "the answer is cut off": 1,
    }  # fmt: skip
    assert sorted(re.findall(r"could not be used: (.*?)\.", "".join(prompts))) == [
        "the SEARCH part of edit 1 is nowhere",
        "the answer is cut off: its code block has no end",
    ]


def test_copies_of_the_shown_and_of_siblings_and_cut_answers_are_rejected() -> None:
    def answer(prompt: Any, sample: int, sampling: Any) -> str | Completion:
        if sample == 2:
            return Completion(diff((LAST, "    return 0")), error="cut off at max_tokens")
        return diff((LAST, "    return x"))

    other = individual(2, BLOCK.replace(LAST, "    return x  # as is"), Outcome(2.0))
    operator = ProgramEdits(Scripted(answer), FRAME, WORDS, rounds=1)
    alone = operator.vary([individual(1, BLOCK, Outcome(1.0))], 3, 0)
    assert len(alone.genomes) == 1
    assert dict(alone.rejected) == {
        "the program is one of those shown": 1, "the answer is unusable": 1,
    }  # fmt: skip
    assert not operator.vary([individual(1, BLOCK, Outcome(1.0)), other], 2, 0).genomes


def test_wordings_of_a_user_replace_those_of_the_package(tmp_path: Any) -> None:
    file = tmp_path / "own.toml"
    file.write_text('diff = "Edit this $language program."')
    assert wording(file).write("diff", language="python") == "Edit this python program."
    assert wording(file).system == WORDS.system
    for text, fault in (
        ('diff = "Use $tool."', r"unknown place \$tool: it may have \$language"),
        ('diff = "5 $"', r"in which \$\$ stands for \$"),
        ("diff = 3", "must be a text"),
        ('dif = "x"', "no wording 'dif' in .*; did you mean 'diff'"),
        ("diff =", "is not a TOML file"),
    ):
        file.write_text(text)
        with pytest.raises(EvollmError, match=fault):
            wording(file)
    with pytest.raises(EvollmError, match=r"can't be read: No such file"):
        wording(tmp_path / "none.toml")
