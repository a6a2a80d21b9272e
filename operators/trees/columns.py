"""Columns: the columns that trees may test, and their names."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError

Label: TypeAlias = str | int | float
"""The label of a class or a category: a string, a number or a boolean, as in the data."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: Readable name; any text.
        thresholds: Thresholds for random splits, ascending; empty for a column of categories or a
            constant one.
        categories: Labels by code, beginning with 0, as ``distinct`` returns them; empty for
            numbers.
        low: The smallest known number.
        high: The largest number.
        unit: Unit of the numbers; empty for none.
        gaps: Whether values are missing in some rows.
    """

    name: str
    thresholds: tuple[float, ...] = ()
    categories: tuple[Label, ...] = ()
    low: float = -inf
    high: float = inf
    unit: str = ""
    gaps: bool = False

    def __post_init__(self) -> None:
        labels = distinct(f"categories of column {self.name!r}", self.categories)
        object.__setattr__(self, "categories", labels)


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns of a table, and the possible values of leaves.

    Attributes:
        columns: The columns in the table's order.
        classes: Labels by index, as ``distinct`` returns them; empty if leaves are numbers.
        low: The smallest value of a new leaf.
        high: The largest number.
        tokens: The columns' names in prompts: no white space, brackets or signs.
        class_tokens: The classes' labels in prompts.
        category_tokens: The categories' labels in prompts, by column.
    """

    columns: tuple[Column, ...]
    classes: tuple[Label, ...] = ()
    low: float = 0.0
    high: float = 1.0
    tokens: tuple[str, ...] = field(init=False, repr=False, metadata={"parameter": False})
    class_tokens: tuple[str, ...] = field(init=False, repr=False, metadata={"parameter": False})
    category_tokens: tuple[tuple[str, ...], ...] = field(
        init=False, repr=False, metadata={"parameter": False}
    )

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not names:
            raise EvollmError("a tree needs at least one column to test")
        object.__setattr__(self, "classes", distinct("classes", self.classes))
        for what, labels in [("columns", distinct("columns", names)), ("classes", self.classes)]:
            if "" in labels:
                raise EvollmError(f"{what} need non-empty names, not ''")
        object.__setattr__(self, "tokens", _tokens(names))
        object.__setattr__(self, "class_tokens", _tokens(map(str, self.classes)))
        listed = tuple(_tokens(map(str, column.categories)) for column in self.columns)
        object.__setattr__(self, "category_tokens", listed)

    @classmethod
    def of(
        cls,
        X: ArrayLike,
        names: Sequence[str] | None = None,
        *,
        y: ArrayLike | None = None,
        classes: Sequence[Label] = (),
        categories: Mapping[str, Sequence[Label]] | None = None,
        units: Mapping[str, str] | None = None,
        most: int = 255,
    ) -> "Columns":
        """Describe the columns of a table.

        Args:
            X: Shape ``(rows, columns)``; NaN for missing values.
            names: One per column; None for x1, x2, ...
            y: Numbers to predict, whose range limits new leaves; ignored if there are classes.
            classes: Labels by index; empty for regression.
            categories: Labels by code, for the columns that contain codes from 0.
            units: Units of the columns that have one.
            most: Maximum number of thresholds per column: midpoints between its values, thinned to
                quantiles.

        Raises:
            EvollmError: If names and columns do not match.
        """
        table = np.asarray(X, dtype=np.float64)
        if table.ndim != 2:
            raise EvollmError(
                "columns must be described from a table of two dimensions, not of shape "
                f"{table.shape}"
            )
        names = [f"x{i + 1}" for i in range(table.shape[1])] if names is None else list(names)
        if len(names) != table.shape[1]:
            raise EvollmError(
                f"{table.shape[1]} columns need the same number of names, not {len(names)}"
            )
        categories, units = categories or {}, units or {}
        for name in [*categories, *units]:
            if name not in names:
                raise EvollmError(f"there is no column '{name}'{nearest(name, names)}")
        columns = tuple(
            Column(name, categories=tuple(categories[name]), gaps=bool(np.isnan(table[:, i]).any()))
            if name in categories
            else _numeric(name, table[:, i], units.get(name, ""), most)
            for i, name in enumerate(names)
        )
        target = np.zeros(1) if y is None or len(classes) else np.asarray(y, dtype=np.float64)
        return cls(columns, tuple(classes), float(target.min()), float(target.max()))

    def anonymous(self) -> "Columns":
        """Return the same columns named x1, x2, ..., without units and names of categories."""
        return replace(
            self,
            columns=tuple(
                replace(
                    column,
                    name=f"x{i + 1}",
                    unit="",
                    categories=tuple(f"c{code}" for code in range(len(column.categories))),
                )
                for i, column in enumerate(self.columns)
            ),
            classes=tuple(range(len(self.classes))),
        )


def _plain(label: object) -> Label:
    if isinstance(label, np.str_ | np.bool_ | np.integer | np.floating):
        label = label.item()
    return label if isinstance(label, str | int | float) else str(label)


def same_label(value: object, label: Label) -> bool:
    """Return whether a value is a label: 1 equals 1.0, but neither True nor the text '1'."""
    return isinstance(value, bool) == isinstance(label, bool) and bool(value == label)


def distinct(what: str, labels: Iterable[object]) -> tuple[Label, ...]:
    """Return labels as Python strings, numbers and booleans; others, such as dates, as strings.

    NumPy scalars become Python's, so that exports need no NumPy.

    Args:
        what: What is labelled, as a plural noun for messages.
        labels: One label for each.

    Raises:
        EvollmError: If two labels are equal or have the same text, because rules and prompts show
            texts.
    """
    found = tuple(map(_plain, labels))
    texts, values = Counter(map(str, found)), Counter(found)
    twice = [label for label in found if texts[str(label)] > 1 or values[label] > 1]
    if twice:
        shown = ", ".join(dict.fromkeys(map(repr, twice)))
        raise EvollmError(f"{what} must have different names, not {shown}: rename one")
    return found


def _numeric(name: str, values: NDArray[np.float64], unit: str, most: int) -> Column:
    """Describe a column of numbers."""
    known = np.unique(values[np.isfinite(values)])
    gaps = bool(np.isnan(values).any())
    if not known.size:
        return Column(name, unit=unit, gaps=gaps)
    middles = known[:-1] + np.diff(known) / 2
    if middles.size > most:
        middles = middles[np.linspace(0, middles.size - 1, most).round().astype(int)]
    low, high = float(known[0]), float(known[-1])
    return Column(name, tuple(middles.tolist()), (), low, high, unit, gaps)


def _tokens(labels: Iterable[str]) -> tuple[str, ...]:
    """Return labels without white space, brackets and signs, and different from each other."""
    found: list[str] = []
    for label in labels:
        plain = re.sub(r"[^\w.+-]+", "_", label).strip("_") or "x"
        count, token = 1, plain
        while token in found:
            count += 1
            token = f"{plain}_{count}"
        found.append(token)
    return tuple(found)
