"""Text operators: what a model is shown, and what becomes of any answer."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from evollm import Budget, run
from evollm.algorithms import Mating, generational
from evollm.llm.base import Completion, Prompt, Sampling
from evollm.llm.scripted import Scripted
from evollm.testing import OperatorKit
from evollm.types import JSON, Candidate, Individual, Outcome
from operators.text.prompting import TextCodec, TextCrossover, TextMutation, bare
from tests.support_each import checks, each


def counting(prompt: Prompt, sample: int, sampling: Sampling) -> str:
    return f"words number {sampling.seed}"


def individual(i: int, genome: Any, fitness: float, info: JSON = None) -> Individual[Any]:
    return Individual(Candidate(i, genome, (), "given", 0), Outcome(fitness, info=info))


@each("kind", [TextMutation, TextCrossover])
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], kind: Any, tmp_path: Path) -> None:
    check((kind(Scripted(counting), "Find words."), ["some words", "other words"]), tmp_path)


@each("check", checks(OperatorKit))
def test_conformance_without_parents(check: Callable[..., None], tmp_path: Path) -> None:
    check((TextCrossover(Scripted(counting), "Find words."), []), tmp_path)


def said(*answers: str | Completion) -> tuple[Scripted, list[Any]]:
    """Return a model that gives these answers in turn, and the prompts that it hears."""
    waiting, heard = list(answers), []

    def answer(prompt: Prompt, sample: int, sampling: Sampling) -> str | Completion:
        heard.append(prompt)
        return waiting.pop(0) if waiting else "the end"

    return Scripted(answer), heard


def test_a_crossover_shows_its_parents_from_the_least_fit_to_the_best() -> None:
    model, heard = said("gamma")
    operator = TextCrossover(model, "Find a Greek letter.", TextCodec(noun="letter"))
    made = operator.vary([individual(0, "beta", 2.0), individual(1, "alpha", 1.5)], 1, 0)
    assert made.genomes == ["gamma"]
    (text,) = [message["content"] for message in heard[0]]
    assert text.startswith("Find a Greek letter.")
    assert text.index("Score 1.5:\nalpha") < text.index("Score 2:\nbeta")
    assert "one new letter" in text


def test_a_mutation_shows_one_parent_and_what_its_evaluation_said() -> None:
    model, heard = said("x", "y", "z")
    operator = TextMutation(model, "Task.", TextCodec(info=True))
    pair = [individual(0, "alpha", 1.0, "too short"), individual(1, "beta", 2.0)]
    made = operator.vary(pair, 3, 0)
    assert sorted(made.genomes) == ["x", "y", "z"]
    assert made.parents == [[0], [0], [1]]
    texts = [message[0]["content"] for message in heard]
    assert "Its evaluation said: too short" in texts[0]
    assert "beta" not in texts[0]
    assert "alpha" not in texts[-1]


def test_a_plain_model_continues_a_list() -> None:
    model, heard = said("gamma")
    operator = TextCrossover(model, "Letters.", TextCodec(noun="letter"), Sampling(mode="plain"))
    operator.vary([individual(0, "beta", 2.0)], 1, 0)
    assert heard == ["Letters.\n\nScore 2:\nbeta\n\nA better letter:\n"]


def test_the_sampling_is_the_request_apart_from_its_seed() -> None:
    heard: list[Sampling] = []

    def answer(prompt: Prompt, sample: int, sampling: Sampling) -> str:
        heard.append(sampling)
        return "gamma"

    given = Sampling(temperature=0.3, max_tokens=7, mode="plain", grammar='root ::= "x"', seed=9)
    for stop in ((), (";",)):
        change = TextMutation(Scripted(answer), "Letters.", sampling=replace(given, stop=stop))
        change.vary([individual(0, "beta", 2.0)], 1, 4)
    defaults, own = heard
    assert defaults == replace(given, stop=("\n\n", "\nScore"), seed=4)
    assert own == replace(given, stop=(";",), seed=4)


def test_every_malformed_answer_is_counted() -> None:
    model, _ = said("no number", Completion("", error="cut off"), "", "7", '"8"', "```\n9\n```")
    wording = TextCodec(write=str, read=int)
    made = TextCrossover(model, "Numbers.", wording).vary([individual(0, 7, 1.0)], 3, 0)
    assert made.genomes == [8, 9]
    assert made.rejected == {
        "unreadable answer": 2, "unusable completion": 1, "copy of a parent": 1
    }  # fmt: skip


@each(
    ("text", "found"),
    [
        (" a b \n", "a b"),
        ("Sure:\n```python\nx = 1\ny = 2\n```\nDone", "x = 1\ny = 2"),
        ("'quoted'", "quoted"),
        ('"', '"'),
        ("``` ", "`"),
        ('"two"\n"lines"', '"two"\n"lines"'),
    ],
)
def test_fences_and_quotes_are_taken_off(text: str, found: str) -> None:
    assert bare(text) == found


def test_any_genome_with_a_text_form_evolves() -> None:
    """A genome of numbers, in JSON, held by a schema."""

    def answer(prompt: Prompt, sample: int, sampling: Sampling) -> str:
        assert sampling.schema == {"type": "array"}
        text = prompt if isinstance(prompt, str) else prompt[0]["content"]
        shown = [json.loads(line) for line in text.splitlines() if line.startswith("[")]
        return json.dumps([*shown[-1], sample]) if shown else "[0]"

    wording = TextCodec(write=json.dumps, read=json.loads)
    sampling = Sampling(schema={"type": "array"})
    operator = TextCrossover(Scripted(answer), "Make it long.", wording, sampling)
    flow = generational(operator, Mating(operator, brood=2), size=4, seed=0)
    found = run(flow, lambda genome: (float(len(genome)), "longer"), budget=Budget(generations=4))
    assert found.fitness == 5
    assert found.usage.calls > 0
