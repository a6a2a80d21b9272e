"""Tables of the user's own rows: frames, arrays and CSV files."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.cli.options import nearest
from evollm.errors import EvollmError
from problems.trees.data.dataset import Feature, Table, Task

FEW = 10
"""Whole numbers with no more distinct values than this are taken for classes."""
MANY = 50
"""A column of text, or classes, with more distinct values than this is refused."""
Truth = (bool, np.bool_)


def from_csv(
    path: str | Path, target: str, task: Task | None = None, *, name: str | None = None
) -> Table:
    """Read a table from a CSV file with a header.

    Args:
        path: The file.
        target: Which column to predict, as the header writes it.
        task: As in ``from_frame``.
        name: What to call the table; None for the name of the file.

    Raises:
        EvollmError: If pandas, the file, its rows or the column are missing, or as ``from_frame``.
    """
    try:
        import pandas
    except ModuleNotFoundError:
        raise EvollmError("a CSV file needs pandas: pip install 'evollm[trees]'") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            frame = pandas.read_csv(path, skipinitialspace=True, index_col=False, low_memory=False)
    except OSError as error:
        raise EvollmError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, pandas.errors.ParserWarning):
        raise EvollmError(
            f"{path} is no table: write a header and rows as long, comma-separated, in UTF-8"
        ) from None
    columns = [str(column) for column in frame.columns]
    if target not in columns:
        raise EvollmError(f"{path} has no column {target!r}{nearest(target, columns)}")
    inputs = frame.drop(columns=target)
    return from_frame(inputs, frame[target], task, name=name or Path(path).stem, target=target)


def from_frame(
    X: Any,
    y: Any,
    task: Task | None = None,
    *,
    name: str = "data",
    target: str = "target",
    features: Sequence[str] | None = None,
    context: str = "",
) -> Table:
    """Make a table from inputs and targets.

    Numbers are kept, booleans become flags, and other columns categories whose codes follow the
    sorted texts. Missing inputs become NaN.

    Args:
        X: A pandas frame, or n rows of d cells.
        y: The n targets: numbers, booleans or texts.
        task: None to tell from the targets: numbers with a fraction, or with more than 10
            distinct values, are a regression; all else are classes, in sorted order.
        name: What to call the table.
        target: What to call the target.
        features: Names of the columns; None for the frame's own, or x1, x2, ...
        context: What the task is, in a sentence or two.

    Raises:
        EvollmError: If there are no rows or columns, a column is unusable, targets are missing or
            of one value only, or the targets do not fit the task.
    """
    columns, headings = _columns(X)
    headings = [str(heading) for heading in (headings if features is None else features)]
    if not columns or not len(columns[0]) or len(columns) != len(headings):
        raise EvollmError(
            f"{name} has {len(columns)} columns, {len(headings)} names and"
            f" {len(columns[0]) if columns else 0} rows: give a row and a named column at least"
        )
    goal = _identifiers([target])[0]
    pairs = zip(_identifiers(headings, {goal}), headings, columns, strict=True)
    read = [_feature(short, heading, cells) for short, heading, cells in pairs]
    goals, classes, kind = _targets(y, task, target)
    inputs = np.column_stack([numbers for _, numbers in read])
    own = len(set(headings)) == len(headings) and all(headings)
    found = tuple(
        replace(feature, heading=heading if own else "")
        for (feature, _), heading in zip(read, headings, strict=True)
    )
    return Table(name, kind, inputs, goals, found, goal, classes, target, context=context)


def _columns(X: Any) -> tuple[list[NDArray[Any]], list[str]]:
    """Return the columns and their names."""
    if hasattr(X, "iloc"):
        return [_cells(X.iloc[:, i]) for i in range(X.shape[1])], list(X.columns)
    rows = X if isinstance(X, np.ndarray) else _rectangle(X)
    if rows.ndim != 2:
        raise EvollmError(f"the inputs have shape {rows.shape}: give rows by columns")
    return [_cells(column) for column in rows.T], [f"x{i + 1}" for i in range(rows.shape[1])]


def _rectangle(rows: Any) -> NDArray[Any]:
    try:
        return np.array([list(row) for row in rows], dtype=object)
    except (TypeError, ValueError):
        raise EvollmError("the inputs are no table: give rows of equally many cells") from None


def _cells(column: Any) -> NDArray[Any]:
    """Return a column as floats, or as objects with None where one is missing."""
    dtype = getattr(column, "dtype", None)
    if dtype is not None and dtype.kind in "iuf":
        known = {"na_value": np.nan} if hasattr(column, "iloc") else {}
        return np.asarray(column.to_numpy(np.float64, **known) if known else column, np.float64)
    cells = np.array([None if _is_missing(cell) else cell for cell in column], dtype=object)
    present = [cell for cell in cells if cell is not None]
    if present and all(isinstance(c, Real) and not isinstance(c, Truth) for c in present):
        return cells.astype(np.float64)
    return cells


def _is_missing(cell: Any) -> bool:
    # pandas has several marks for what is missing, and none of them is equal to itself.
    return cell is None or type(cell).__name__ == "NAType" or bool(cell != cell)


def _feature(name: str, heading: str, cells: NDArray[Any]) -> tuple[Feature, NDArray[np.float64]]:
    """Return a column as a feature and its numbers."""
    present = [cell for cell in cells.tolist() if not _is_missing(cell)]
    if not present:
        raise EvollmError(f"column {heading!r} is empty: leave it out")
    if cells.dtype != object:
        if np.isinf(cells).any():
            raise EvollmError(f"column {heading!r} has infinite cells: leave those rows out")
        return Feature(name, heading), cells
    if all(isinstance(cell, Truth) for cell in present):
        return Feature(name, heading, "", "flag", ("no", "yes")), cells.astype(np.float64)
    labels = tuple(sorted({str(cell) for cell in present}))
    if len(labels) > MANY:
        raise EvollmError(
            f"column {heading!r} holds {len(labels)} different texts: leave it out, or group them"
            f" to at most {MANY}"
        )
    codes = {label: float(code) for code, label in enumerate(labels)}
    numbers = [np.nan if cell is None else codes[str(cell)] for cell in cells]
    return Feature(name, heading, "", "category", labels), np.array(numbers)


def _targets(
    y: Any, task: Task | None, target: str
) -> tuple[NDArray[np.float64], tuple[str, ...], Task]:
    """Return the targets as codes or floats, the names of the classes, and the task."""
    cells = _cells(y)
    numeric = cells.dtype != object
    lost = int(np.sum(~np.isfinite(cells)) if numeric else sum(cell is None for cell in cells))
    if lost:
        raise EvollmError(f"the target {target!r} is missing in {lost} rows: leave those rows out")
    values = cells.tolist() if numeric else [str(cell) for cell in cells]
    distinct = sorted(set(values))
    if len(distinct) < 2:
        raise EvollmError(f"the target {target!r} has one value only: there is nothing to learn")
    if task == "regression" and not numeric:
        raise EvollmError(f"the target {target!r} holds text: a regression needs numbers")
    if task == "regression" or (task is None and numeric and _continuous(distinct)):
        return cells, (), "regression"
    if len(distinct) > MANY:
        raise EvollmError(
            f"the target {target!r} has {len(distinct)} classes: group them to at most {MANY}"
        )
    codes = {value: float(code) for code, value in enumerate(distinct)}
    labels = tuple(f"{v:.15g}" if numeric else v for v in distinct)
    return np.array([codes[value] for value in values]), labels, "classification"


def _continuous(distinct: Sequence[float]) -> bool:
    return len(distinct) > FEW or any(value != int(value) for value in distinct)


def _identifiers(headings: Sequence[str], taken: set[str] | None = None) -> list[str]:
    """Return headings in snake case, each with a number behind it while it is taken."""
    used = set(taken or ())
    found = []
    for heading in headings:
        plain = re.sub(r"\W+", "_", heading).strip("_").lower() or "column"
        plain = plain if plain.isidentifier() else f"x_{plain}"
        name, count = plain, 1
        while name in used:
            count += 1
            name = f"{plain}_{count}"
        used.add(name)
        found.append(name)
    return found
