"""Tables from the user's frames, arrays and CSV files."""

import re
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError
from problems.trees.data.categories import (
    Floats,
    codes_of,
    is_category,
    is_missing,
    kinds_of,
    numbers_of,
)
from problems.trees.data.dataset import Feature, Table, Task
from problems.trees.data.sheets import FEW, Reading, read_columns

MANY = 50
"""Maximum number of distinct values of a column of text, and of classes."""
Truth = (bool, np.bool_)


def from_csv(
    path: str | Path,
    target: str,
    task: Task | None = None,
    *,
    name: str | None = None,
    separator: str | None = None,
    missing: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    numeric: Sequence[str] = (),
) -> Table:
    """Read a table from a CSV file with a header; ``reading`` and ``summary()`` show how.

    A first column without a name is treated as an index and omitted.

    Args:
        path: The file, in UTF-8.
        target: The column to predict, by its name in the header.
        task: As in ``from_frame``.
        name: Name of the table; None for the name of the file.
        separator: The separator of cells; None to detect comma, semicolon, tab or bar.
        missing: Texts that mark a missing value in any column, in addition to empty cells; None for
            ``?``, ``NA`` and the like and, in columns of numbers, ``-``.
        categorical: Columns of numbers to treat as categories, by their names in the header.
        numeric: Columns that must hold numbers.

    Raises:
        EvollmError: If the file can't be read or is not a table, a column is missing or of another
            type than given, or as for ``from_frame``.
    """
    given = {"missing": missing, "categorical": categorical, "numeric": numeric}
    for parameter, value in given.items():
        if isinstance(value, str):
            raise EvollmError(f"{parameter} must be a list of strings: give [{value!r}]")
    columns, reading = read_columns(path, Reading(separator, missing, categorical, numeric))
    if target not in columns:
        raise EvollmError(f"{path} has no column {target!r}{nearest(target, list(columns))}")
    goals = columns.pop(target)
    title = name or Path(path).stem
    table = _table(title, list(columns), list(columns.values()), goals, task, target)
    return replace(table, reading=reading)


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
    """Create a table from inputs and targets.

    Numbers are kept, booleans become flags, and strings become categories with codes in the order
    of the sorted values. Columns of pandas' ``category`` type are always categories, in their own
    order. Missing inputs become NaN.

    Args:
        X: A pandas frame, or n rows of d cells.
        y: The n targets: numbers, booleans or strings.
        task: None to infer it from the targets: numbers with a fraction or more than 10 distinct
            values are a regression; otherwise they are classes, in sorted order.
        name: Name of the table.
        target: Name of the target.
        features: Names of the columns; None for the frame's names, or x1, x2, ...
        context: What the task is, in a sentence or two.

    Raises:
        EvollmError: If there are no rows or columns, a column is unusable, or targets are missing,
            all equal, or unsuitable for the task.
    """
    columns, headings = _columns(X)
    headings = [str(heading) for heading in (headings if features is None else features)]
    if not columns or not len(columns[0]) or len(columns) != len(headings):
        raise EvollmError(
            f"{name} has {len(columns)} columns, {len(headings)} names and"
            f" {len(columns[0]) if columns else 0} rows: give at least one row and one named column"
        )
    return replace(_table(name, headings, columns, y, task, target), context=context)


def _table(
    name: str, headings: list[str], columns: list[Any], y: Any, task: Task | None, target: str
) -> Table:
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
    return Table(name, kind, inputs, goals, found, goal, classes, target)


def _columns(X: Any) -> tuple[list[Any], list[str]]:
    """Return the columns and their names."""
    if hasattr(X, "iloc"):
        return [X.iloc[:, i] for i in range(X.shape[1])], list(X.columns)
    if hasattr(X, "columns"):
        raise EvollmError(f"a {type(X).__module__} frame is not supported: give X.to_pandas()")
    rows = X if isinstance(X, np.ndarray) else _rectangle(X)
    if rows.ndim != 2:
        raise EvollmError(f"the inputs must be rows by columns, not of shape {rows.shape}")
    return list(rows.T), [f"x{i + 1}" for i in range(rows.shape[1])]


def _rectangle(rows: Any) -> NDArray[Any]:
    try:
        return np.array([list(row) for row in rows], dtype=object)
    except (TypeError, ValueError):
        raise EvollmError(
            "the inputs are not a table: give rows with the same number of cells"
        ) from None


def _feature(name: str, heading: str, column: Any) -> tuple[Feature, Floats]:
    """Return a column as a feature and its numbers."""
    cells = _present(column, f"column {heading!r}")
    if not cells:
        raise EvollmError(f"column {heading!r} is empty: remove it")
    if not is_category(column) and all(isinstance(cell, Truth) for cell in cells):
        return Feature(name, heading, "", "flag", ("no", "yes")), _numbers(column)
    if not is_category(column) and kinds_of(cells) == {"numbers"}:
        numbers = _numbers(column)
        if np.isinf(numbers).any():
            raise EvollmError(f"column {heading!r} has infinite cells: remove those rows")
        return Feature(name, heading), numbers
    labels, ordered = _labels(column, cells)
    if len(labels) > MANY:
        raise EvollmError(
            f"column {heading!r} has {len(labels)} different texts: remove it, or group them to at "
            f"most {MANY}"
        )
    codes = codes_of(column, labels, f"column {heading!r}")
    return Feature(name, heading, "", "category", labels, ordered), codes


def _present(column: Any, what: str) -> list[Any]:
    """Return the cells that are not missing.

    Raises:
        EvollmError: If one is neither a number nor a string, and the column is not a category.
    """
    if getattr(column.dtype, "kind", "O") in "iuf":  # equivalent, but faster
        numbers = _numbers(column)
        return list(numbers[~np.isnan(numbers)].tolist())
    cells = [cell for cell in column if not is_missing(cell)]
    odd = sorted(kinds_of(cells) - {"numbers", "texts"})
    if odd and not is_category(column):
        raise EvollmError(f"{what} contains a {odd[0]}: convert its cells to numbers or strings")
    return cells


def _numbers(column: Any) -> Floats:
    found = numbers_of(column)
    assert found is not None  # all cells are known to be numbers
    return found


def _labels(column: Any, cells: Sequence[Any]) -> tuple[tuple[Any, ...], bool]:
    """Return the values of a column of categories by code, and whether they are ordered."""
    used = set(cells)
    if is_category(column):
        known = column.dtype.categories.tolist()
        return tuple(value for value in known if value in used), bool(column.dtype.ordered)
    return tuple(sorted(used, key=lambda value: (isinstance(value, str), value))), False


def _targets(y: Any, task: Task | None, target: str) -> tuple[Floats, tuple[Any, ...], Task]:
    """Return the targets as codes or floats, the classes, and the task."""
    if isinstance(y, str) or not hasattr(y, "__len__") or getattr(y, "ndim", 1) != 1:
        raise EvollmError(
            "y must contain one target per row: give a column, not its name or a table"
        )
    column = y if hasattr(y, "dtype") else np.array([*y, None], dtype=object)[:-1]
    cells = _present(column, f"the target {target!r}")
    kinds = kinds_of(cells)
    numeric = kinds == {"numbers"} and not all(isinstance(cell, Truth) for cell in cells)
    lost = len(column) - len(cells)
    lost += int(np.isinf(_numbers(column)).sum()) if numeric and not is_category(column) else 0
    if lost:
        raise EvollmError(f"the target {target!r} is missing in {lost} rows: remove those rows")
    if {"numbers", "texts"} <= kinds:
        raise EvollmError(
            f"the target {target!r} contains both strings and numbers: convert it to one type"
        )
    distinct = sorted(set(cells))
    if len(distinct) < 2:
        raise EvollmError(f"the target {target!r} has only one value: give rows with at least two")
    if task == "regression" and not (numeric and all(map(isfinite, distinct))):
        raise EvollmError(
            f"the target {target!r} must be numbers for a regression: convert it, or choose "
            "classification"
        )
    guessed = task is None and numeric and not is_category(column)
    if task == "regression" or (guessed and _continuous(distinct)):
        return np.array(cells, dtype=np.float64), (), "regression"
    if len(distinct) > MANY:
        raise EvollmError(
            f"the target {target!r} has {len(distinct)} classes: group them to at most {MANY}"
        )
    codes = codes_of(column, distinct, f"the target {target!r}")
    return codes, tuple(_whole(value) if numeric else value for value in distinct), "classification"


def _continuous(distinct: Sequence[float]) -> bool:
    return len(distinct) > FEW or any(value != int(value) for value in distinct)


def _whole(value: Any) -> Any:
    """Return 2 for 2.0, which is the same value and easier to read."""
    return int(value) if value == int(value) else float(value)


def _identifiers(headings: Sequence[str], taken: set[str] | None = None) -> list[str]:
    """Return headings in snake case, with a number appended if a name is taken."""
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
