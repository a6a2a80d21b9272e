"""The layouts of publishers' files: how each one writes texts and labels."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from evollm.checks import nearest
from evollm.errors import EvollmError
from problems.prompts.data.example import Example
from problems.prompts.data.sources.records import (
    Record,
    json_lines,
    named,
    read_text,
    table_rows,
    text_lines,
)

NLI = ("entailment", "neutral", "contradiction")
"""SNLI's labels in the order of the task's label words."""
_CALCULATION = re.compile(r"<<[^>]*>>")


def _example(
    path: Path, line: int, label: int | None, *texts: str, slots: Sequence[str] = ()
) -> Example:
    names = slots or [f"sentence_{place}" for place in range(1, len(texts) + 1)]
    fields = {name: " ".join(text.split()) for name, text in zip(names, texts, strict=True)}
    return Example(fields, label, source=path.name, lines=(line,))


def _cell(path: Path, record: Record, name: str) -> str:
    if name not in record.cells:
        raise EvollmError(
            f"line {record.line} of {path} has no {name!r}{nearest(name, record.cells)}"
        )
    return str(record.cells[name])


def _class(path: Path, line: int, written: str, classes: Sequence[str]) -> int:
    if written not in classes:
        raise EvollmError(
            f"line {line} of {path} has the label {written!r}: it must be one of "
            f"{', '.join(classes)}"
        )
    return classes.index(written)


def sst2(path: Path) -> Iterator[Example]:
    """Yield the sentences of a tab-separated file of GLUE's; quotes are characters like others."""
    for record in named(table_rows(path, "\t", quoted=False)):
        label = _class(path, record.line, _cell(path, record, "label"), ("0", "1"))
        yield _example(path, record.line, label, _cell(path, record, "sentence"))


def subj(path: Path) -> Iterator[Example]:
    """Yield the lines of a text file: subjective (0) if its name begins with ``quote``, else 1."""
    label = 0 if path.name.startswith("quote") else 1
    for number, line in enumerate(text_lines(path, "latin-1"), 1):
        if line.strip():
            yield _example(path, number, label, line)


def agnews(path: Path) -> Iterator[Example]:
    """Yield titles with descriptions, without the backslashes that stand for line ends."""
    rows = table_rows(path)
    for record in named(rows, ("class", "title", "description")):
        if record.cells["class"] == "Class Index":  # some copies have a header
            continue
        label = _class(path, record.line, record.cells["class"], ("1", "2", "3", "4"))
        text = f"{record.cells['title']} {record.cells['description']}"
        yield _example(path, record.line, label, text.replace("\\", " "))


def snli(path: Path) -> Iterator[Example]:
    """Yield premises and hypotheses; pairs whose annotators did not agree are left out."""
    for record in json_lines(path):
        gold = _cell(path, record, "gold_label")
        if gold == "-":  # the annotators did not agree
            continue
        label = _class(path, record.line, gold, NLI)
        premise, hypothesis = (_cell(path, record, name) for name in ("sentence1", "sentence2"))
        yield _example(path, record.line, label, premise, hypothesis)


def yelp(path: Path) -> Iterator[Example]:
    """Yield reviews with 1 to 5 stars (0 to 4) of a CSV or JSON lines file."""
    if path.suffix == ".csv":
        records = named(table_rows(path), ("stars", "text"))
    else:
        records = json_lines(path)
    for record in records:
        stars = _cell(path, record, "stars").removesuffix(".0")
        label = _class(path, record.line, stars, ("1", "2", "3", "4", "5"))
        text = _cell(path, record, "text").replace("\\n", " ")
        yield _example(path, record.line, label, text)


def piqa(path: Path) -> Iterator[Example]:
    """Yield goals with two solutions; the labels are in the file ``...-labels.lst`` beside it."""
    labels = path.with_name(f"{path.stem}-labels.lst")
    golds = read_text(labels).split()
    records = list(json_lines(path))
    if len(golds) != len(records):
        raise EvollmError(
            f"{labels} has {len(golds)} labels for the {len(records)} questions of {path.name}: "
            "give files that belong together"
        )
    slots = ("question_1", "option_1", "option_2")
    for place, record in enumerate(records):
        texts = [_cell(path, record, name) for name in ("goal", "sol1", "sol2")]
        label = _class(labels, place + 1, golds[place], ("0", "1"))
        yield _example(path, record.line, label, *texts, slots=slots)


def gsm8k(path: Path) -> Iterator[Example]:
    """Yield questions with worked answers, without the calculator's marks."""
    for record in json_lines(path):
        steps, mark, number = _cell(path, record, "answer").rpartition("####")
        if not mark:
            raise EvollmError(f"line {record.line} of {path} has no '#### number' in its answer")
        answer = number.strip().replace(",", "")
        lines = [*_CALCULATION.sub("", steps).strip().splitlines(), f"The answer is {answer}."]
        asked = _example(path, record.line, None, _cell(path, record, "question"))
        yield replace(asked, answer=answer, worked="\n".join(lines))
