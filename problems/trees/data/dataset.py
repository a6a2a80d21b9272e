"""Data sets: rows of numbers with descriptions of their columns."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from operators.trees.columns import Label, distinct

if TYPE_CHECKING:
    import pandas

Kind: TypeAlias = Literal["number", "category", "flag"]
Task: TypeAlias = Literal["classification", "regression"]
LONGEST = 60
"""Maximum number of characters of the categories listed in a summary."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the inputs.

    Attributes:
        name: Letters, digits and underscores; unique in its table.
        description: Description of the column.
        unit: Unit of the numbers; "" for none.
        kind: ``number``; ``category``, with codes as cells; or ``flag``, a category of no (0) and
            yes (1).
        categories: The labels of the codes from 0; empty for a number.
        ordered: Whether the codes are ordered, so that a threshold makes sense.
        heading: Name in the user's table, which may be any text; empty for ``name``.
    """

    name: str
    description: str = ""
    unit: str = ""
    kind: Kind = "number"
    categories: tuple[Label, ...] = ()
    ordered: bool = False
    heading: str = ""

    def __post_init__(self) -> None:
        labels = distinct(f"categories of {self.name!r}", self.categories)
        object.__setattr__(self, "categories", labels)


@dataclass(frozen=True, eq=False)
class Table:
    """A data set with descriptions; the arrays are read-only copies.

    Attributes:
        name: Name of the table.
        task: ``classification`` or ``regression``.
        X: The inputs, (n, d) floats: numbers, or codes of categories; NaN for missing values.
        y: The n targets: indices of ``classes``, or floats.
        features: The d columns of ``X``.
        target: Name of the target.
        classes: Labels of the classes; empty for regression.
        target_description: Description of the target.
        target_unit: Unit of the target; "" for none.
        context: Description of the task, in one or two sentences.
        source: Authors, year and publication of the data.
        note: Notes on comparing results: rules and peculiarities of the data.
        paper: Name of exactly this data set in the paper on LLEGO; None if it has no results for
            it.
        sensitive: Names of features by which a fair model must not discriminate.
        reading: Notes on how the file was read, if the table comes from one.

    Raises:
        EvollmError: If shapes, names or codes are inconsistent.
    """

    name: str
    task: Task
    X: NDArray[np.float64]
    y: NDArray[Any]
    features: tuple[Feature, ...]
    target: str
    classes: tuple[Label, ...] = ()
    target_description: str = ""
    target_unit: str = ""
    context: str = ""
    source: str = ""
    note: str = ""
    paper: str | None = None
    sensitive: tuple[str, ...] = field(default=())
    reading: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", distinct(f"classes of {self.target!r}", self.classes))
        kind = np.int64 if self.task == "classification" else np.float64
        for name, dtype in (("X", np.float64), ("y", kind)):
            array = np.array(getattr(self, name), dtype)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        self._check_shapes()
        self._check_names()
        self._check_codes()

    def _check_shapes(self) -> None:
        if self.X.ndim != 2 or self.X.shape[1] != len(self.features) or not self.features:
            raise EvollmError(
                f"{self.name}: inputs of shape {self.X.shape} do not match {len(self.features)} "
                "features: give rows by columns"
            )
        if self.y.shape != (len(self.X),) or not len(self.y):
            raise EvollmError(
                f"{self.name}: targets of shape {self.y.shape} do not match {len(self.X)} rows: "
                "give one target per row, and at least one row"
            )

    def _check_names(self) -> None:
        names = [feature.name for feature in self.features]
        for name in names:
            if not name.isidentifier() or names.count(name) > 1 or name == self.target:
                raise EvollmError(
                    f"{self.name}: the feature name {name!r} is invalid: give each column and the "
                    "target a different name of letters, digits and underscores"
                )
        for name in self.sensitive:
            if name not in names:
                raise EvollmError(
                    f"{self.name}: {name!r} in sensitive is not a feature: name a feature"
                )

    def _check_codes(self) -> None:
        columns = [(f.name, self.X[:, i], f.categories) for i, f in enumerate(self.features)]
        if self.task == "classification":
            columns.append((self.target, self.y, self.classes or ("",)))
        for name, codes, labels in columns:
            known = codes[~np.isnan(codes)]
            if labels and not np.isin(known, np.arange(len(labels))).all():
                raise EvollmError(
                    f"{self.name}: column {name!r} has codes without a label: give one label per "
                    "code"
                )
        if not np.isfinite(self.y).all() or np.isinf(self.X).any():
            raise EvollmError(f"{self.name}: cells must be finite or NaN, and targets numbers")

    def frame(self) -> "pandas.DataFrame":
        """Return the rows with readable names and labels, the target last.

        Raises:
            EvollmError: If pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError:
            raise EvollmError("a frame needs pandas: pip install 'evollm[trees]'") from None

        def labelled(codes: NDArray[Any], labels: tuple[Label, ...], ordered: bool) -> Any:
            whole = np.where(np.isnan(codes), -1, codes).astype(np.int64)
            return pandas.Categorical.from_codes(whole, categories=list(labels), ordered=ordered)

        columns: dict[str, Any] = {}
        for feature, cells in zip(self.features, self.X.T, strict=True):
            labels = feature.categories
            columns[feature.name] = labelled(cells, labels, feature.ordered) if labels else cells
        columns[self.target] = labelled(self.y, self.classes, False) if self.classes else self.y
        return pandas.DataFrame(columns)

    def summary(self) -> str:
        """Return one line per column: its kind, its values, and the number of missing ones."""
        lines = [f"{self.name}: {len(self.X)} rows, {len(self.features) + 1} columns"]
        lines += [f"  {sentence}" for sentence in self.reading]
        for feature, cells in zip(self.features, self.X.T, strict=True):
            known, labels = cells[~np.isnan(cells)], ", ".join(map(str, feature.categories))
            held = labels if len(labels) <= LONGEST else f"{len(feature.categories)} of them"
            if not feature.categories and known.size:
                held = f"{known.min():g} to {known.max():g}"
            lost = len(cells) - known.size
            missing = f"; {lost} missing" if lost else ""
            lines.append(f"  {feature.name:<24} {feature.kind:<10} {held}{missing}")
        return "\n".join([*lines, f"  {self.target:<24} {'target':<10} {self._targets()}"])

    def _targets(self) -> str:
        if not self.classes:
            return f"regression: {self.y.min():g} to {self.y.max():g}"
        counts = np.bincount(self.y, minlength=len(self.classes))
        held = [f"{label} ({count})" for label, count in zip(self.classes, counts, strict=True)]
        return f"classification: {', '.join(held)}"
