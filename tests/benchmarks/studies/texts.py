"""Texts varied by the offline model: ``python -m tests.benchmarks.studies.texts``.

Question: do mutation and crossover by the small offline model find better texts than the same model
asked afresh each time (best of n), or than random edits, at as many evaluations? Three tasks: an
instruction above the demonstrations of PromptQuine's film reviews, scored by accuracy on 32
examples and tested on 200, beside PromptQuine at as many scored prompts; and two regular
expressions, scored on 40 texts and tested on 400, with and without the texts that the parent gets
wrong in the prompt. (In the search a text that should match and does not counts by half the share
that the longest match covers.) All searches of a task begin in the same way. A cell is one run;
what is missing is run, the rest is read from ``results/texts``.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from evollm import Budget, Offspring, Outcome, run
from evollm.algorithms import Mating, generational
from evollm.llm.base import Sampling
from evollm.llm.connect import connect
from evollm.report.cells import Cell, Found, Row
from evollm.report.study import Axis, Study
from evollm.report.tables import RUNS, Column, spread
from evollm.store import rows
from evollm.types import Operator
from operators.text import EditText, SpliceText
from operators.text.prompting import TextCodec, TextCrossover, TextMutation
from problems.prompts.data.builtin import load
from problems.prompts.data.splits import balanced
from problems.prompts.fitness import TEST, PromptFitness
from problems.prompts.methods.evolution import Evolution
from problems.prompts.readers.named import reader_of
from problems.prompts.system import PromptQuine
from problems.prompts.tokens import Prompt
from tests.benchmarks.studies import RESULTS

SIZE = 10
SCORED = {"reviews": 20}
OTHERS_SCORED = 40
TESTED = 200
LONGEST = 200
"""Maximum number of characters of a text."""


@dataclass(frozen=True)
class Task:
    """A text to find.

    Attributes:
        goal: What the model is told: examples of the form that it is to continue.
        noun: What a text is called.
        read: Returns an answer of the model as a text, or raises a ``ValueError``.
        score: Returns the outcome of a text, with the mistakes as ``info``.
        test: Returns the score of a text on data that no search sees.
        edit: Random edits, the control without a model.
        splice: Crossover without a model.
        grammar: What the model's answers are restricted to; None for nothing.
    """

    goal: str
    noun: str
    read: Callable[[str], str]
    score: Callable[[str], Outcome]
    test: Callable[[str], float]
    edit: EditText
    splice: SpliceText
    grammar: str | None = None


def instruction(text: str) -> str:
    """Return an answer of the model as an instruction.

    Raises:
        ValueError: If it can't stand in a prompt.
    """
    line = " ".join(text.split("\n")[0].split())
    if not line or len(line) > LONGEST or "{" in line or "}" in line:
        raise ValueError("an instruction is a short text without slots")
    return line


@cache
def reviews(seed: int) -> Task:
    """Return the task of an instruction for film reviews, above a seed's demonstrations."""
    found = load("rt2")
    task = found.with_splits(
        replace(found.splits, test=balanced(found.splits.test, TESTED // len(found.labels)))
    )
    reader, below = reader_of(None), task.prompt(1, seed).text

    def scored(text: str, fidelity: int | None) -> Outcome:
        prompt = Prompt.of(task.template(f"{text}\n\n{below}" if text else below), reader.tokenizer)
        problem = PromptFitness(prompt, task, reader, objective="accuracy")
        [outcome] = problem.evaluate([prompt.whole], fidelity, 0)
        return replace(outcome, info=None, cost=1.0)

    return Task(
        "Tasks for a reader who decides whether a film review is terrible or great.\n\n"
        "A task:\nSay what the critic thinks of the film.\n\n"
        "A task:\nIs the writer happy with the film?",
        "task",
        instruction,
        lambda text: scored(text, None),
        lambda text: scored(text, TEST).fitness,
        EditText(),
        SpliceText(),
    )


def pattern(text: str) -> str:
    """Return an answer of the model as a regular expression.

    RE2 matches in linear time, so that no pattern can take for ever.

    Raises:
        ValueError: If it is not one.
    """
    import re2

    if not text or len(text) > LONGEST:
        raise ValueError("a pattern is a short text")
    try:
        compiled(text)
    except re2.error as error:
        raise ValueError(str(error)) from None
    return text


@cache
def compiled(text: str) -> Any:
    """Return a compiled pattern; it is compiled without messages on standard error."""
    import re2

    options = re2.Options()
    options.log_errors = False
    return re2.compile(text, options)


Texts = Sequence[tuple[str, bool]]
GRAMMAR = r'''root ::= [A-Za-z0-9:^$.|?*+()\\{}\[\]-]+ "\n"'''
SHOTS = """Regular expressions that match all of some texts, and none of the others.

Numbers
Texts: 10, 25, 7
Others: x1, 4.5, -3

A regular expression:
[0-9]+

Names
Texts: Anna, Peter, Bo
Others: anna, PETER, B0

A regular expression:
[A-Z][a-z]+

Months
Texts: 2021-05, 1999-12
Others: 2021-5, 21-05, 202105

A regular expression:
[0-9]{4}-[0-9]{2}"""


def right(text: str, examples: Texts) -> list[bool]:
    """Return for each example whether a pattern decides as it should."""
    matcher = compiled(text)
    return [bool(matcher.fullmatch(one)) is wanted for one, wanted in examples]


def covered(text: str, one: str) -> float:
    """Return half the share of a text that the longest match of a pattern covers."""
    lengths = (len(match[0]) for match in compiled(text).finditer(one))
    return max(lengths, default=0) / len(one) / 2


def expression(goal: str, wanted: Callable[[Any], str], wrong: Callable[[Any], str]) -> Task:
    """Return the task of a regular expression.

    Args:
        goal: What it should match.
        wanted: Draws a text to match.
        wrong: Draws a text that must not be matched.
    """

    def drawn(n: int, seed: int) -> Texts:
        rng = np.random.default_rng(seed)
        return [(one(rng), one is wanted) for _ in range(n // 2) for one in (wanted, wrong)]

    seen, unseen = drawn(40, 0), drawn(2 * TESTED, 1)

    def score(text: str) -> Outcome:
        found = right(text, seen)
        missed = [one for (one, wanted), ok in zip(seen, found, strict=True) if wanted and not ok]
        extra = [one for (one, wanted), ok in zip(seen, found, strict=True) if not (wanted or ok)]
        said = [f"it should match {one}" for one in missed[:3]]
        said += [f"it should not match {one}" for one in extra[:3]]
        partly = sum(covered(text, one) for one in missed)
        return Outcome(
            (sum(found) + partly) / len(seen),
            {"right": float(np.mean(found))},
            info="; ".join(said) or None,
        )

    yes, no = (", ".join(one for one, kind in seen[:10] if kind is what) for what in (True, False))
    return Task(
        f"{SHOTS}\n\n{goal}\nTexts: {yes}\nOthers: {no}",
        "regular expression",
        pattern,
        score,
        lambda text: float(np.mean(right(text, unseen))),
        EditText("characters", alphabet=(*"019AZ:-+*?|()[]^$.", r"\d", "[0-9]", "[A-Z]")),
        SpliceText("characters"),
        GRAMMAR,
    )


def codes() -> Task:
    """Return the task of codes of two capital letters, a hyphen and four digits."""

    def code(rng: Any) -> str:
        letters = "".join(rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 2))
        return f"{letters}-{rng.integers(10_000):04d}"

    def near(rng: Any) -> str:
        text = code(rng)
        letters, digits = text.split("-")
        wrong = (text.lower(), letters + digits, digits, letters, f"{digits}-{letters}", text + "0")
        return wrong[rng.integers(len(wrong))]

    return expression("product codes such as AB-1234", code, near)


def times() -> Task:
    """Return the task of times of the day from 00:00 to 23:59."""

    def clock(rng: Any) -> str:
        return f"{rng.integers(24):02d}:{rng.integers(60):02d}"

    def near(rng: Any) -> str:
        text = clock(rng)
        hour, minute = text.split(":")
        late = f"{rng.integers(24, 100)}:{minute}"
        wrong = (hour + minute, hour, f"{hour}-{minute}", f":{minute}", text[:-1], late)
        return wrong[rng.integers(len(wrong))]

    return expression("times of the day from 00:00 to 23:59", clock, near)


def task_of(cell: Cell) -> Task:
    """Return the task of a cell."""
    return reviews(cell["seed"]) if cell["task"] == "reviews" else TASKS[cell["task"]]()


TASKS: Mapping[str, Callable[[], Task]] = {"codes": codes, "times": times}


@dataclass(frozen=True)
class Readable:
    """An operator whose children are texts of a task; others are rejected, as those of a model."""

    operator: Any
    read: Callable[[str], str]

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[str]:
        """Return the readable ones of three times as many children."""
        made = self.operator.vary(parents, 3 * n, seed).genomes
        kept = [text for text in made if self._reads(text)]
        return Offspring(kept[:n], rejected={"unreadable text": len(made) - len(kept)})

    def _reads(self, text: str) -> bool:
        try:
            return self.read(text) == text
        except ValueError:
            return False


def asking(task: Task, feedback: bool = False) -> tuple[Any, ...]:
    """Return the arguments of a text operator."""
    stop = () if task.grammar is None else ("\n",)
    sampling = Sampling(
        max_tokens=60, mode="plain", grammar=task.grammar, stop=(*stop, "\n\n", "\nScore")
    )
    codec = TextCodec(read=task.read, noun=task.noun, info=feedback)
    return connect(), task.goal, codec, sampling


def matings(method: str, task: Task, fresh: Operator[str]) -> list[Mating]:
    """Return how a method makes children."""
    if method == "fresh":
        return [Mating(fresh, arity=0)]
    if method == "edits":
        edit, splice = Readable(task.edit, task.read), Readable(task.splice, task.read)
        return [Mating(edit, arity=1, share=2), Mating(splice)]
    parts = asking(task, method == "feedback")
    return [Mating(TextMutation(*parts), arity=1, share=2), Mating(TextCrossover(*parts))]


def measure(cell: Cell) -> Found:
    """Run one cell."""
    began = time.perf_counter()
    scored = cell["scored"] or SCORED.get(cell["task"], OTHERS_SCORED)
    found = quine(cell, scored) if cell["method"] == "quine" else searched(cell, scored)
    return {**found, "seconds": round(time.perf_counter() - began, 1)}


def searched(cell: Cell, scored: int) -> Found:
    """Search for a text from answers that the model gives without parents."""
    task = task_of(cell)
    fresh = TextCrossover(*asking(task))
    ways = matings(cell["method"], task, fresh)
    flow = generational(fresh, ways, size=SIZE, seed=cell["seed"], key=str)
    result = run(flow, task.score, budget=Budget(evaluations=scored))
    assert result.best is not None
    return {
        "fitness": round(result.fitness, 4),
        "score": round(result.best.metrics.get("right", result.fitness), 4),
        "test": round(task.test(result.best.genome), 4),
        "text": result.best.genome,
        "scored": result.usage.evaluations,
        "failed": result.usage.failed,
        "calls": result.usage.calls,
        "rejected": sum(rows.rejections(result.record).values()),
        "stopped": result.stopped,
    }


def quine(cell: Cell, scored: int) -> Found:
    """Prune the demonstrations instead, at as many scored prompts."""
    base = load("rt2")
    test = balanced(base.splits.test, TESTED // len(base.labels))
    system = PromptQuine(
        task=base.with_splits(replace(base.splits, test=test)),
        method=Evolution(population=SIZE, offspring=2 * SIZE),
        demonstrations=cell["seed"],
    )
    result = system.run(Budget(evaluations=scored), seed=cell["seed"])
    found = system.pruned(result)
    return {
        "score": round(found.scores["search"]["accuracy"].mean, 4),
        "test": round(found.scores["test"]["accuracy"].mean, 4),
        "without": round(found.unpruned["test"]["accuracy"].mean, 4),
        "text": found.text,
        "scored": result.usage.evaluations,
        "failed": result.usage.failed,
        "calls": 0,
        "rejected": 0,
        "stopped": result.stopped,
    }


COLUMNS = (
    Column("fitness", "fitness", form=".3f"),
    Column("score", "score", form=".3f"),
    Column("test", "test", form=".3f"),
    Column("sd", "test", spread, ".3f"),
    RUNS,
    Column("without", "without", form=".3f"),
    Column("evaluations", "scored", form=".0f"),
    Column("failed", "failed", form=".0f"),
    Column("calls", "calls", form=".0f"),
    Column("rejected", "rejected", form=".0f"),
)


def applies(cell: Cell) -> bool:
    """Return whether a method is one for the task."""
    return cell["method"] != ("feedback" if cell["task"] == "reviews" else "quine")


def summary(lines: Sequence[Row]) -> str:
    """Say what the columns are, and give the texts of the first seed."""
    texts = [
        f"{row.cell['task']}, {TITLES[row.cell['method']]}: {' '.join(row.found['text'].split())}"
        for row in lines
        if row.cell["seed"] == 0
    ]
    return (
        "score: share of right answers on the examples of the search; test: on others, mean over "
        "seeds; without: the same prompt without an instruction, unpruned; calls and rejected: "
        "answers of the model, and those that were no text of the task or a copy.\n\n"
        + "\n".join(texts)
    )


TITLES = {
    "evolve": "mutation and crossover",
    "feedback": "the same with mistakes shown",
    "fresh": "best of n",
    "edits": "random edits",
    "quine": "PromptQuine",
}

STUDY = Study(
    "texts",
    {
        "task": Axis(("reviews", *TASKS), quick=("codes",)),
        "method": Axis(tuple(TITLES), titles=TITLES),
        "seed": Axis(range(3), quick=range(1)),
        "scored": Axis((0,), quick=(20,), extra=(100, 300), titles={0: "as the task says"}),
    },
    measure,
    COLUMNS,
    folder=RESULTS,
    applies=applies,
    summary=summary,
    jobs=None,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(STUDY.main())
