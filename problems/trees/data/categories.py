"""Cells of a frame's columns as numbers: categories as codes, told apart by their values."""

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
    """Turns a frame into numbers, and columns of pandas' ``category`` type into codes.

    Values are compared as pandas compares them: 1 equals 1.0, whatever holds it, and never '1'.

    Attributes:
        labels: By the column's place from 0 the values by code; empty if there are none.
        names: The frame's own names of its columns; empty if it was an array.
    """

    labels: Mapping[int, tuple[Any, ...]] = field(default_factory=dict)
    names: tuple[Any, ...] = ()

    @classmethod
    def of(cls, X: Any) -> "Coder":
        """Learn the categories of a frame; anything else has none.

        Raises:
            EvollmError: If a column holds text, dates or the like, and is not a category; or two
                have one name.
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
                    f"column {name!r} holds {column.dtype}: make it numbers, or a category by "
                    "astype('category')"
                )
        return cls(labels, tuple(X.columns))

    def coded(self, X: Any) -> Any:
        """Return a frame, or an array's categories, as numbers; scikit-learn checks the rest.

        Missing cells and categories that are not known become NaN.

        Raises:
            EvollmError: If a column of categories is not there, or one holds values of another
                kind than when the categories were learnt.
        """
        if not _is_frame(X):
            return self._array(X) if self.labels else X
        _check_names(X)
        if not X.shape[1] or self._other(X):
            return X
        columns = [self._column(X.iloc[:, i], i, name) for i, name in enumerate(X.columns)]
        return type(X)(np.column_stack(columns), index=X.index, columns=X.columns)

    def place(self, key: Any, labels: Sequence[str], parameter: str) -> int:
        """Return the place of the column that a parameter names.

        Args:
            key: What the column is called; or, where the frame's own names are no texts, its name
                there; or, where they are, its place from 0.
            labels: What the columns are called.
            parameter: Whose key it is.

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
        except ValueError:  # an array's, too, that is compared cell by cell
            hint = f": choose from {', '.join(map(str, known))}"
            hint = nearest(key, labels) if isinstance(key, str) else hint
            shown = " ".join(repr(key).split())[:40]
            raise EvollmError(f"no column is {shown}, which {parameter} names{hint}") from None

    def _other(self, X: Any) -> bool:
        """Say whether the columns are others, for scikit-learn to name them in its own words."""
        if not self.names:
            return False
        lost = [self.names[i] for i in self.labels if self.names[i] not in X.columns]
        named = all(isinstance(name, str) for name in (*self.names, *X.columns))
        if lost and (named or X.shape[1] != len(self.names)):
            raise EvollmError(
                f"the frame has no column {lost[0]!r}, which held categories when the tree was "
                "fitted: give it, empty where it is not known"
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
        """Return rows without names with their categories as codes."""
        rows = np.array(X, dtype=object)
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            return X
        for place, labels in self.labels.items():
            rows[:, place] = codes_of(rows[:, place], labels, f"column {self.names[place]!r}")
        return rows


def codes_of(cells: Any, labels: Sequence[Any], what: str) -> Floats:
    """Return the place of each cell's value among the labels; NaN for what is missing or unknown.

    Args:
        cells: A column of a frame, or an array.
        labels: Values by code.
        what: What the cells are called.

    Raises:
        EvollmError: If there are texts where the labels are numbers, and the like.
    """
    try:
        places, found = cells.factorize() if hasattr(cells, "factorize") else _factorized(cells)
    except TypeError:
        raise EvollmError(f"{what} holds lists or arrays: give one value a cell") from None
    values = list(found)
    then, now = kinds_of(labels), kinds_of(values)
    if then and now - then:
        raise _changed(what, " and ".join(sorted(then)), " and ".join(sorted(now)))
    known = {label: float(code) for code, label in enumerate(labels)}
    codes = np.array([*(known.get(value, np.nan) for value in values), np.nan])
    if labels and len(values) > 1 and np.isnan(codes).all():
        warnings.warn(
            f"{what} holds no value that it held when the tree was fitted: all its cells are "
            f"taken for missing ({values[0]!r} is not among {labels[0]!r}, ...)",
            stacklevel=2,
        )
    return np.asarray(codes[places], np.float64)


def _factorized(cells: Any) -> tuple[NDArray[np.intp], list[Any]]:
    """Return each cell's place among the different values, -1 for none, as pandas does."""
    known: dict[Any, int] = {}
    places = [-1 if is_missing(cell) else known.setdefault(cell, len(known)) for cell in cells]
    return np.array(places, dtype=np.intp), list(known)


def numbers_of(column: Any) -> Floats | None:
    """Return a column of numbers or booleans with NaN where one is missing; None for any other."""
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
    """Say whether a column is of pandas' ``category`` type."""
    return hasattr(getattr(column, "dtype", None), "categories")


def is_missing(cell: Any) -> bool:
    """Say whether a cell is one of the marks for what is missing: None, NaN and pandas' own."""
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return not isinstance(cell, str) and isinstance(cell, Real | Decimal) and bool(cell != cell)


def kind_of(value: Any) -> str:
    """Return what a value is: ``numbers``, with booleans among them, ``texts``, or its type."""
    if isinstance(value, Real | Decimal | np.bool_):
        return "numbers"
    return "texts" if isinstance(value, str) else type(value).__name__


def kinds_of(values: Iterable[Any]) -> set[str]:
    """Return what values are, see ``kind_of``; each type is asked for once."""
    return {kind_of(value) for value in {type(value): value for value in values}.values()}


def _changed(what: str, then: str, now: str) -> EvollmError:
    return EvollmError(
        f"{what} held {then} when the tree was fitted, and holds {now} now: give it as it was"
    )


def _check_names(X: Any) -> None:
    twice = X.columns[X.columns.duplicated()].tolist()
    if twice:
        raise EvollmError(f"two columns are called {twice[0]!r}: rename one")


def _is_frame(X: Any) -> bool:
    return hasattr(X, "dtypes") and hasattr(X, "columns") and hasattr(X, "iloc")
