"""Tables: the user's CSV files of numbers."""

import csv
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of numbers, one of them the target.

    Attributes:
        X: Shape ``(rows, columns)``.
        y: The target, one number per row.
        names: Names of the columns.
        target: Name of the target.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    names: tuple[str, ...]
    target: str


def from_csv(path: str | Path, target: str) -> Table:
    """Read a CSV file with a header and numbers, separated by commas, semicolons or tabs.

    Args:
        path: The file, in UTF-8.
        target: The column to predict; all others are variables.

    Raises:
        EvollmError: If it can't be read, has no such column, or a cell is not a finite number.
    """
    lines = _lines(path)
    separator = max(",;\t", key=lines[0].count)
    header, *rows = (
        [cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)
    )
    names = [name for name in header if name != target]
    if target not in header:
        raise EvollmError(f"{path} has no column {target!r}{nearest(target, header)}")
    if not names or len(set(header)) < len(header) or not all(header):
        raise EvollmError(
            f"{path} must have at least two columns with different names, not {', '.join(header)}"
        )
    if not rows:
        raise EvollmError(f"{path} has a header but no rows: write one row per line below it")
    table = np.array([_numbers(path, i, row, header) for i, row in enumerate(rows, 2)])
    place = header.index(target)
    return Table(np.delete(table, place, axis=1), table[:, place], tuple(names), target)


def _lines(path: str | Path) -> list[str]:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EvollmError(f"{path} can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise EvollmError(f"{path} is not UTF-8: save the file as UTF-8") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise EvollmError(f"{path} has no content: write a header, and one row per line below it")
    return lines


def _numbers(path: str | Path, line: int, row: list[str], header: list[str]) -> list[float]:
    """Return the numbers of a row."""
    if len(row) != len(header):
        raise EvollmError(
            f"row {line} of {path} has {len(row)} cells and the header {len(header)}: correct it"
        )
    found = []
    for cell, name in zip(row, header, strict=True):
        try:
            value = float(cell) if cell.isascii() and "_" not in cell else np.nan
        except ValueError:
            value = np.nan
        if not isfinite(value):
            raise EvollmError(
                f"column {name!r} of {path} contains {cell!r} in row {line}, which is not a finite "
                "number: remove the row or the column, or fill it in"
            )
        found.append(value)
    return found
