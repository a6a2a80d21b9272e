"""The user's own files: examples as JSON lines or separated values, and tasks of their own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any

from evollm.checks import nearest
from evollm.errors import EvollmError
from problems.prompts.data.answers import last_number
from problems.prompts.data.example import Example
from problems.prompts.data.labels import Labels
from problems.prompts.data.sources.records import Record, Row, json_lines, named, table_rows
from problems.prompts.data.splits import Sizes, Splits, cut
from problems.prompts.data.task import Kind, Task
from problems.prompts.data.template import slot_names

SEPARATORS = {".csv": ",", ".tsv": "\t"}
NAMES: Mapping[str, tuple[str, ...]] = {
    "sentence_1": ("text", "sentence", "premise", "question"),
    "sentence_2": ("hypothesis",),
    "question_1": ("question", "goal"),
    "option_1": ("option1", "sol1"),
    "option_2": ("option2", "sol2"),
}
"""What else the column for a slot may be called, beside the slot's own name."""
ANSWERS = ("label", "answer", "target")
"""What the column of answers may be called."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a file hold what; what is not named is found by its usual names.

    Attributes:
        texts: The column for each slot.
        answer: The column of labels or answers.
        worked: The column of what a demonstration shows in place of the answer, if there is one.
        separator: What stands between cells; None for a comma in .csv and a tab in .tsv files.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    answer: str | None = None
    worked: str | None = None
    separator: str | None = None


def own_task(
    name: str, block: str, labels: Sequence[str] = (), kind: Kind = "classification"
) -> Task:
    """Return a custom task; each name in braces is a slot.

    Args:
        name: What to call it.
        block: The question with its slots, up to the answer field; or a whole prompt.
        labels: The word of each label.
        kind: How it is scored.

    Raises:
        EvollmError: If there is no slot, or label words are missing or equal.
    """
    return Task(name, kind, tuple(labels), block, slot_names(block) or ("sentence_1",))


def read_examples(
    path: str | Path,
    task: Task,
    columns: Columns | None = None,
    labels: Labels | None = None,
) -> tuple[Example, ...]:
    """Return the examples of a file.

    A table needs no header where its columns are the texts in the order of the task's slots and
    then the answer.

    Args:
        path: A file of JSON lines (.jsonl, .json) or separated values (.csv, .tsv).
        task: What they are for.
        columns: Which columns hold what.
        labels: How the file writes labels; None for the label words or 0, 1 and so on.

    Raises:
        EvollmError: If the file cannot be read, lacks a column, has an unknown label, or is of no
            use as ``Task.usable`` says.
    """
    columns = columns or Columns()
    reader = _Reader(path, task, labels or Labels(task.labels), columns)
    return task.usable(list(reader.examples()), f"examples in {path}")


def read_splits(
    path: str | Path,
    task: Task,
    test: str | Path | None = None,
    *,
    columns: Columns | None = None,
    labels: Labels | None = None,
    sizes: Sizes | None = None,
    seed: int = 0,
) -> Splits:
    """Return the splits of a user's files.

    Args:
        path: A file as for ``read_examples``, for all splits, or all but the test.
        task: What the examples are for.
        test: Another one for the test; texts among both stay in the test only.
        columns: Which columns hold what.
        labels: How the files write labels.
        sizes: How many examples per class, at most: smaller where there are few.
        seed: Of the splits.

    Raises:
        EvollmError: As ``read_examples`` and ``cut``.
    """
    examples = read_examples(path, task, columns, labels)
    held_out = None if test is None else read_examples(test, task, columns, labels)
    return cut(examples, sizes, seed=seed, held_out=held_out, fit=True)


@dataclass(frozen=True)
class _Reader:
    path: str | Path
    task: Task
    labels: Labels
    columns: Columns

    def examples(self) -> Iterator[Example]:
        suffix = Path(self.path).suffix.lower()
        if suffix in (".jsonl", ".json"):
            return self._read(json_lines(self.path))
        if suffix in SEPARATORS:
            return self._table(self.columns.separator or SEPARATORS[suffix])
        raise EvollmError(
            f"{self.path} is neither .jsonl, .csv nor .tsv: save it as one of these and name it so"
        )

    def _table(self, separator: str) -> Iterator[Example]:
        rows = self._rows(separator)
        if not rows:
            return iter(())
        wanted = [*self.task.slots, *self._answers()[:1]]
        found = [self._find(rows[0].cells, slot) for slot in self.task.slots]
        found += [self._find(rows[0].cells, None)] if self._answers() else []
        explicit = self.columns.texts or self.columns.answer or self.columns.worked
        headless = None in found and not explicit and len(rows[0].cells) == len(wanted)
        if headless:
            return self._read(named(rows, wanted), headless=True)
        return self._read(named(rows))

    def _rows(self, separator: str) -> list[Row]:
        try:
            return list(table_rows(self.path, separator))
        except EvollmError:
            # Tabs rarely occur in texts, so many such files have quotes that are not paired.
            if separator != "\t":
                raise
            return list(table_rows(self.path, separator, quoted=False))

    def _read(self, records: Iterable[Record], headless: bool = False) -> Iterator[Example]:
        records = iter(records)
        first = next(records, None)
        if first is None:
            return
        places = {slot: self._column(first, slot) for slot in self.task.slots}
        answer = self._column(first, None) if self._answers() else None
        for record in chain([first], records):
            where = f"line {record.line} of {self.path}"
            fields = {slot: self._text(record, name, where) for slot, name in places.items()}
            label, written = None, ""
            if answer is not None and self.task.labelled:
                label = self._label(record, answer, where, headless)
            elif answer is not None:
                written = self._answer(record, answer, where)
            worked = self.columns.worked
            yield Example(
                fields,
                label,
                written,
                self._text(record, worked, where) if worked else "",
                str(self.path),
                (record.line,),
            )

    def _answers(self) -> Sequence[str]:
        """What the column of answers may be called; none where none is needed."""
        if self.columns.answer:
            return (self.columns.answer,)
        return () if self.task.kind == "style" else ANSWERS

    def _names(self, slot: str | None) -> Sequence[str]:
        if slot is None:
            return self._answers()
        if slot in self.columns.texts:
            return (self.columns.texts[slot],)
        alone = NAMES["sentence_1"] if len(self.task.slots) == 1 else ()
        return (slot, *NAMES.get(slot, ()), *alone)

    def _find(self, header: Iterable[str], slot: str | None) -> str | None:
        known = set(header)
        return next((name for name in self._names(slot) if name in known), None)

    def _column(self, record: Record, slot: str | None) -> str:
        name = self._find(record.cells, slot)
        if name is None:
            wanted = self._names(slot)[0]
            what = "the answers" if slot is None else f"the slot {{{slot}}}"
            raise EvollmError(
                f"{self.path} has no column {wanted!r} for {what}{nearest(wanted, record.cells)}"
            )
        return name

    def _cell(self, record: Record, name: str, where: str) -> Any:
        if name not in record.cells:
            raise EvollmError(f"{where} has no {name!r}{nearest(name, record.cells)}")
        return record.cells[name]

    def _text(self, record: Record, name: str, where: str) -> str:
        text = self._cell(record, name, where)
        if not isinstance(text, str) or not text.strip():
            raise EvollmError(f"{where} has {text!r} for the text {name!r}: write a text there")
        return text

    def _label(self, record: Record, name: str, where: str, headless: bool) -> int:
        try:
            return self.labels.index(self._cell(record, name, where), where)
        except EvollmError as error:
            if not headless or record.line > 1:
                raise
            raise EvollmError(
                f"{error}; if that line is a header, say which column has the text and which the "
                "label (--text and --label)"
            ) from None

    def _answer(self, record: Record, name: str, where: str) -> str:
        answer = str(self._cell(record, name, where)).strip()
        if self.task.kind == "reasoning" and not isfinite(last_number(answer)):
            raise EvollmError(f"{where} has the answer {answer!r}: write a number there")
        return answer
