"""Tables: Markdown tables with one line per method and problem, over its seeds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm.report.cells import Row

Titles = Mapping[str, Mapping[Any, str]]
"""By axis, names of the values in a table."""


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return float(np.mean(values))


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return float(np.median(values))


def spread(values: Sequence[float]) -> float:
    """Return the sample standard deviation; 0 for a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: Title of the column.
        value: Name of a result of the cell, or a function of a row; the table shows a dash if it is
            missing or None.
        over: Aggregates the values of the seeds.
        form: Format of the aggregate, see the built-in ``format``.
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
    """Return a Markdown table with one line per group of rows.

    Args:
        rows: In the order of the table.
        by: The axes that define a group; they are the first columns, and repeated values are left
            blank.
        columns: The columns computed for a group.
        titles: Names of the values of the axes.
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
    """Return the rows grouped by their values on some axes."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row.cell[axis] for axis in by), []).append(row)
    return found


def _alike(labels: Sequence[str], before: Sequence[str]) -> int:
    """Return how many leading labels are the same as in the previous line."""
    same = [one == other for one, other in zip(labels, before, strict=False)]
    return (*same, False).index(False)


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a Markdown table that is also aligned as plain text.

    Args:
        head: The titles of the columns.
        lines: Entries as text.
        left: Number of columns with words, aligned to the left; the others contain numbers.
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
