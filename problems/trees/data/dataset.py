"""A data set: rows as numbers, and what each column means in words."""

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
"""A summary lists categories up to so many characters."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the inputs.

    Attributes:
        name: Letters, digits and underscores; unique in its table.
        description: What it means, in words.
        unit: Of the numbers, "" where there is none.
        kind: ``number``; ``category``, whose cells are codes; ``flag``, a category of no (0) and
            yes (1).
        categories: The label of each code, starting with 0; empty for a number.
        ordered: Whether the codes rise with what they stand for, so that a threshold makes sense.
        heading: As the user's own table calls it, which may be any text; empty for ``name``.
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
    """A data set with its meaning; the arrays are copies that cannot be written to.

    Attributes:
        name: What it is called.
        task: ``classification`` or ``regression``.
        X: The inputs, (n, d) floats: numbers, or codes of categories; NaN where one is missing.
        y: The n targets: whole numbers that index ``classes``, or floats.
        features: The d columns of ``X``.
        target: Name of the target.
        classes: What each class is called; empty for regression.
        target_description: What the target means, in words.
        target_unit: Its unit, "" where there is none.
        context: What the task is, in a sentence or two.
        source: Who made the data, when, and where they are published.
        note: What to know before figures are compared: rules, oddities of the data.
        paper: What the paper on LLEGO calls this very set; None if it has no figures for it.
        sensitive: Names of features that a fair model must not discriminate by.
        reading: How the file that it comes from was read, if it was one, in sentences.

    Raises:
        EvollmError: If shapes, names or codes do not fit together.
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
                f"{self.name}: inputs of shape {self.X.shape} do not fit {len(self.features)}"
                " features: give rows by columns"
            )
        if self.y.shape != (len(self.X),) or not len(self.y):
            raise EvollmError(
                f"{self.name}: {len(self.X)} rows and targets of shape {self.y.shape} do not fit:"
                " give one target per row, and at least one row"
            )

    def _check_names(self) -> None:
        names = [feature.name for feature in self.features]
        for name in names:
            if not name.isidentifier() or names.count(name) > 1 or name == self.target:
                raise EvollmError(
                    f"{self.name}: the feature name {name!r} is not usable: give each column, and"
                    " the target, a name of its own of letters, digits and underscores"
                )
        for name in self.sensitive:
            if name not in names:
                raise EvollmError(f"{self.name}: {name!r} is called sensitive but is not a feature")

    def _check_codes(self) -> None:
        columns = [(f.name, self.X[:, i], f.categories) for i, f in enumerate(self.features)]
        if self.task == "classification":
            columns.append((self.target, self.y, self.classes or ("",)))
        for name, codes, labels in columns:
            known = codes[~np.isnan(codes)]
            if labels and not np.isin(known, np.arange(len(labels))).all():
                raise EvollmError(f"{self.name}: column {name!r} has codes without a label")
        if not np.isfinite(self.y).all() or np.isinf(self.X).any():
            raise EvollmError(f"{self.name}: infinite cells, or targets that are not numbers")

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
        """Return one line per column: its kind, its values, and how many are missing."""
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
