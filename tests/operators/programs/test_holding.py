"""Held expressions: prompts, grammars, and what becomes of answers."""

import ast

import pytest

from evollm import Candidate, Individual, Outcome
from evollm.errors import EvollmError
from evollm.llm.connect import connect
from evollm.llm.scripted import Scripted
from operators.programs.holding import HeldExpressions, grammar
from operators.programs.source import Frame

FRAME = Frame("# head\n", "# tail\n")
BLOCK = "def area(a, b):\n    both = a * 2  # a comment\n    return both + 1\n"


def _scored(number: int, block: str, fitness: float) -> Individual[str]:
    return Individual(Candidate(number, block, (), "given", 0), Outcome(fitness))


PARENTS = [_scored(1, BLOCK, 2.0), _scored(2, BLOCK.replace("2", "3"), 1.0)]


def _asked(answer: str, n: int = 1, seed: int = 0) -> tuple[list[str], dict[str, int], list]:
    seen: list = []

    def reply(prompt: str, sample: int, sampling: object) -> str:
        seen.append((prompt, sampling))
        return answer

    made = HeldExpressions(Scripted(reply), FRAME).vary(PARENTS, n, seed)
    return list(made.genomes), dict(made.rejected), seen


def test_the_prompt_shows_scores_and_ends_where_the_model_goes_on() -> None:
    made, _, seen = _asked(" b - 7\n")
    prompt, sampling = seen[0]
    assert prompt.startswith("# score: 1\ndef area(a, b):\n    both = a * 3\n")
    assert "# score: 2\n" in prompt
    assert "# score: 2.1\n" in prompt
    assert "comment" not in prompt
    last = prompt.rpartition("# score: 2.1\n")[2]
    assert last.startswith("def area(a, b):\n    both =")
    assert not last.endswith(" ")
    assert sampling.grammar is not None
    assert sampling.stop == ("\n",)
    assert sampling.mode == "plain"
    assert len(made) == 1
    assert "b - 7" in made[0]
    assert made[0].startswith("def area(a, b):\n")


def test_only_variables_known_at_the_place_may_be_named() -> None:
    grammars = {
        (prompt.rpartition("\n")[2].strip().partition(" ")[0], sampling.grammar)
        for seed in range(20)
        for prompt, sampling in _asked(" 0", seed=seed)[2]
    }
    endings = {(line, text.rpartition("name ::= ")[2].strip()) for line, text in grammars}
    assert endings == {("both", '"a" | "b"'), ("return", '"a" | "b" | "both"')}


def test_what_is_behind_the_place_stays_and_precedence_holds() -> None:
    made = {child for seed in range(30) for child in _asked(" a - b", seed=seed)[0]}
    values = {ast.unparse(ast.parse(child)).splitlines()[-1].strip() for child in made}
    assert values <= {
        "return both + 1",
        "return a - b + 1",
        "return both + (a - b)",
        "return a - b",
    }
    assert len(values) == 4


@pytest.mark.parametrize(("answer", "reason"), [(" 1 +", "no expression"), (" )", "no expression")])
def test_unusable_answers_are_counted(answer: str, reason: str) -> None:
    made, rejected, seen = _asked(answer, n=2)
    assert made == []
    assert len(seen) == sum(rejected.values()) == 6
    assert all(reason in why for why in rejected)


def test_children_differ_from_each_other_and_from_what_is_shown() -> None:
    made, rejected, _ = _asked(" 1", n=3, seed=3)
    keys = {FRAME.key(child) for child in made}
    assert len(keys) == len(made)
    assert FRAME.key(BLOCK) not in keys
    assert len(made) == 3 or "the program is unchanged, or one of those shown" in rejected


def test_other_languages_are_refused() -> None:
    with pytest.raises(EvollmError, match="Python"):
        HeldExpressions(Scripted([""]), Frame("", "", ".rs"))


def test_the_offline_model_writes_valid_programs_under_the_grammar() -> None:
    assert grammar(["b", "a"]).endswith('name ::= "a" | "b"\n')
    made = HeldExpressions(connect(), FRAME).vary(PARENTS, 4, 1)
    assert len(made.genomes) >= 3
    assert set(made.rejected) <= {"the program is unchanged, or one of those shown"}
    for child in made.genomes:
        names = {node.id for node in ast.walk(ast.parse(child)) if isinstance(node, ast.Name)}
        assert names <= {"a", "b", "both", "abs", "min", "max"}
