"""Categories: convert a frame's columns to numbers, and categories to codes by value."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Coder:
    """Converts a frame to numbers, and columns of pandas' ``category`` type to codes.

    Values are compared as in pandas: 1 equals 1.0 of any type, but not '1'.

    Attributes:
        labels: For each column of categories, by its index, the values by code.
        names: The frame's column names; empty for an array.
    """

    labels: Mapping[int, tuple[Any, ...]] = field(default_factory=dict)
    names: tuple[Any, ...] = ()

    @classmethod
    def of(cls, X: Any) -> "Coder":
        """Learn the categories of a frame; other inputs have none.

        Raises:
            EvollmError: If a column contains text, dates or the like and is not a category, or two
                have the same name.
        """
        if not _is_frame(X):
            return cls()
        _check_names(X)
        labels = {}
        for place, name in enumerate(X.columns):
            column = X.iloc[:, place]
            if is_category(column):
                labels[place] = tuple(column.dtype.categories.tolist())
            elif numbers_of(column) is None:
                raise EvollmError(
                    f"column {name!r} contains {column.dtype}: convert it to numbers, or to a "
                    "category by astype('category')"
                )
        return cls(labels, tuple(X.columns))

    def coded(self, X: Any) -> Any:
        """Return a frame, or an array's categories, as numbers; scikit-learn checks the rest.

        Missing cells and unknown categories become NaN.

        Raises:
            EvollmError: If a column of categories is missing, or contains values of another type
                than when the categories were learned.
        """
        if not _is_frame(X):
            return self._array(X) if self.labels else X
        _check_names(X)
        if not X.shape[1] or self._other(X):
            return X
        columns = [self._column(X.iloc[:, i], i, name) for i, name in enumerate(X.columns)]
        return type(X)(np.column_stack(columns), index=X.index, columns=X.columns)

    def place(self, key: Any, labels: Sequence[str], parameter: str) -> int:
        """Return the index of the column that a parameter names.

        Args:
            key: The column's label; or its name in the frame, if those names are not strings; or
                its index from 0, if they are.
            labels: Labels of the columns.
            parameter: Name of the parameter in errors.

        Raises:
            EvollmError: If there is no such column.
        """
        own = any(not isinstance(name, str) for name in self.names)
        known = (
            list(labels)
            if isinstance(key, str)
            else list(self.names if own else range(len(labels)))
        )
        try:
            return known.index(key)
        except ValueError:  # including an array's, which is compared cell by cell
            hint = f": choose from {', '.join(map(str, known))}"
            hint = nearest(key, labels) if isinstance(key, str) else hint
            shown = " ".join(repr(key).split())[:40]
            raise EvollmError(f"{parameter} names {shown}, which is not a column{hint}") from None

    def _other(self, X: Any) -> bool:
        """Return whether the columns differ, so that scikit-learn raises its own error."""
        if not self.names:
            return False
        lost = [self.names[i] for i in self.labels if self.names[i] not in X.columns]
        named = all(isinstance(name, str) for name in (*self.names, *X.columns))
        if lost and (named or X.shape[1] != len(self.names)):
            raise EvollmError(
                f"the frame lacks the column {lost[0]!r}, which contained categories when the tree "
                "was fitted: add it, with empty cells for unknown values"
            )
        return X.shape[1] != len(self.names) or (named and tuple(X.columns) != self.names)

    def _column(self, column: Any, place: int, name: Any) -> Floats:
        if place in self.labels:
            return codes_of(column, self.labels[place], f"column {name!r}")
        numbers = None if is_category(column) else numbers_of(column)
        if numbers is None:
            now = "categories" if is_category(column) else str(column.dtype)
            raise _changed(f"column {name!r}", "numbers", now)
        return numbers

    def _array(self, X: Any) -> Any:
        """Return rows without column names, with categories as codes."""
        rows = np.array(X, dtype=object)
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            return X
        for place, labels in self.labels.items():
            rows[:, place] = codes_of(rows[:, place], labels, f"column {self.names[place]!r}")
        return rows


def codes_of(cells: Any, labels: Sequence[Any], what: str) -> Floats:
    """Return the index of each cell's value among the labels; NaN if missing or unknown.

    Args:
        cells: A column of a frame, or an array.
        labels: Values by code.
        what: Name of the cells in errors.

    Raises:
        EvollmError: If the types of cells and labels differ, such as strings and numbers.
    """
    try:
        places, found = cells.factorize() if hasattr(cells, "factorize") else _factorized(cells)
    except TypeError:
        raise EvollmError(f"{what} contains lists or arrays: give one value per cell") from None
    values = list(found)
    then, now = kinds_of(labels), kinds_of(values)
    if then and now - then:
        raise _changed(what, " and ".join(sorted(then)), " and ".join(sorted(now)))
    known = {label: float(code) for code, label in enumerate(labels)}
    codes = np.array([*(known.get(value, np.nan) for value in values), np.nan])
    if labels and len(values) > 1 and np.isnan(codes).all():
        warnings.warn(
            f"{what} has none of the values that it had when the tree was fitted, so that all "
            f"cells count as missing ({values[0]!r} is not among {labels[0]!r}, ...)",
            stacklevel=2,
        )
    return np.asarray(codes[places], np.float64)


def _factorized(cells: Any) -> tuple[NDArray[np.intp], list[Any]]:
    """Return each cell's index among the distinct values, or -1, as pandas does."""
    known: dict[Any, int] = {}
    places = [-1 if is_missing(cell) else known.setdefault(cell, len(known)) for cell in cells]
    return np.array(places, dtype=np.intp), list(known)


def numbers_of(column: Any) -> Floats | None:
    """Return a column of numbers or booleans with NaN for missing ones; None for other columns."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "biuf":
        missing = {} if isinstance(column, np.ndarray) else {"na_value": np.nan}
        return np.asarray(column.to_numpy(np.float64, **missing) if missing else column, np.float64)
    if kind != "O":
        return None
    cells = [np.nan if is_missing(cell) else cell for cell in column]
    if kinds_of(cells) - {"numbers"}:
        return None
    return np.array(cells, dtype=np.float64)


def is_category(column: Any) -> bool:
    """Return whether a column is of pandas' ``category`` type."""
    return hasattr(getattr(column, "dtype", None), "categories")


def is_missing(cell: Any) -> bool:
    """Return whether a cell is a missing value: None, NaN or pandas' own."""
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return not isinstance(cell, str) and isinstance(cell, Real | Decimal) and bool(cell != cell)


def kind_of(value: Any) -> str:
    """Return the kind of a value: ``numbers`` (including booleans), ``texts``, or its type."""
    if isinstance(value, Real | Decimal | np.bool_):
        return "numbers"
    return "texts" if isinstance(value, str) else type(value).__name__


def kinds_of(values: Iterable[Any]) -> set[str]:
    """Return the kinds of values, see ``kind_of``; each type is checked once."""
    return {kind_of(value) for value in {type(value): value for value in values}.values()}


def _changed(what: str, then: str, now: str) -> EvollmError:
    return EvollmError(
        f"{what} contained {then} when the tree was fitted, but contains {now} now: give it in the "
        "same form"
    )


def _check_names(X: Any) -> None:
    twice = X.columns[X.columns.duplicated()].tolist()
    if twice:
        raise EvollmError(f"two columns are called {twice[0]!r}: rename one")


def _is_frame(X: Any) -> bool:
    return hasattr(X, "dtypes") and hasattr(X, "columns") and hasattr(X, "iloc")
