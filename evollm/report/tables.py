"""Tables: one line for each method on each problem, over its seeds, as Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm.report.cells import Row

Titles = Mapping[str, Mapping[Any, str]]
"""By axis, what a table calls the values that it does not print as they are."""


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return float(np.mean(values))


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return float(np.median(values))


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample; 0 for a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of a table.

    Attributes:
        title: At the column's head.
        value: A name in what a cell came to, or a function of a row; where it is missing or None,
            the table shows a dash.
        over: How the values of the seeds become one.
        form: How that is written, as ``format`` takes it.
    """

    title: str
    value: str | Callable[[Row], Any]
    over: Callable[[Sequence[float]], float] = mean
    form: str = ".3g"

    def text(self, rows: Sequence[Row]) -> str:
        """Return the column's entry for some rows."""
        found = [self._of(row) for row in rows]
        values = [value for value in found if value is not None]
        return format(self.over(values), self.form) if values else "-"

    def _of(self, row: Row) -> Any:
        return row.found.get(self.value) if isinstance(self.value, str) else self.value(row)


RUNS = Column("runs", lambda row: 1, len, "d")


def table(
    rows: Iterable[Row], by: Sequence[str], columns: Sequence[Column], titles: Titles | None = None
) -> str:
    """Return a Markdown table with a line for each group of rows.

    Args:
        rows: In the order of the table.
        by: The axes that make a group; they come first, and only where they change.
        columns: The figures of a group.
        titles: What to call the values of the axes.
    """
    titles = titles or {}
    lines = []
    before: list[str] = []
    for key, group in grouped(rows, by).items():
        labels = [
            titles.get(axis, {}).get(value, str(value)) for axis, value in zip(by, key, strict=True)
        ]
        same = _alike(labels[:-1], before)
        shown = ["" if i < same else label for i, label in enumerate(labels)]
        lines.append([*shown, *(column.text(group) for column in columns)])
        before = labels
    return markdown([*by, *(column.title for column in columns)], lines, len(by))


def grouped(rows: Iterable[Row], by: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """Return the rows by their values on some axes."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row.cell[axis] for axis in by), []).append(row)
    return found


def _alike(labels: Sequence[str], before: Sequence[str]) -> int:
    """Return how many of the labels are those of the line before, from the left."""
    same = [one == other for one, other in zip(labels, before, strict=False)]
    return (*same, False).index(False)


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a Markdown table that is aligned as plain text, too.

    Args:
        head: The titles of the columns.
        lines: Entries as text.
        left: How many columns hold words, aligned to the left; the others hold numbers.
    """
    widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]
    rule = ["-" * width if i < left else "-" * (width - 1) + ":" for i, width in enumerate(widths)]

    def written(line: Sequence[str]) -> str:
        entries = [
            word.ljust(width) if i < left else word.rjust(width)
            for i, (word, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(entries)} |"

    return "\n".join(map(written, (head, rule, *lines)))
