"""Data sets by name, from installed packages and our code books, without a network."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError
from problems.trees.data.archives import Sheet, read
from problems.trees.data.dataset import Feature, Kind, Table, Task
from problems.trees.data.frames import from_csv, from_frame

__all__ = [
    "Feature",
    "HoldoutIndices",
    "Kind",
    "Table",
    "Task",
    "from_csv",
    "from_frame",
    "load",
    "names",
    "split",
]

SHARES = (0.2, 0.4, 0.4)
"""The paper's shares of training, validation and test rows."""
YES_AND_NO = (("0", "no"), ("1", "yes"))
MISSING = ("", "NA", "?", "<null>")


@dataclass(frozen=True, eq=False)
class HoldoutIndices:
    """The indices of training, validation and test rows, a partition of all rows.

    Attributes:
        train: Indices of the rows to fit to, ascending.
        valid: Indices of the rows for choosing between models, ascending.
        test: Indices of the rows for reported results, ascending.
    """

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


def names() -> tuple[str, ...]:
    """Return the names of the data sets for ``load``, in alphabetical order."""
    return tuple(sorted(_books()))


def load(name: str, *, zeros_missing: bool = False) -> Table:
    """Return a data set with descriptions of its columns.

    Args:
        name: One of ``names()``, or the name in the paper on LLEGO.
        zeros_missing: Whether zeros become NaN if the documentation says that they stand for
            missing measurements (such as blood pressure in ``pima``); the paper keeps the zeros.

    Raises:
        EvollmError: If there is no such data set, or the package that contains it is not installed.
    """
    book = _books()[_called(name)]
    sheet = _sheet(book["archive"], book["file"], *book.get("take", (0, 1)))
    columns = [_inputs(item, sheet, zeros_missing) for item in book["features"]]
    y, classes = _outputs(book["target"], sheet)
    return Table(
        name=book["name"],
        task=book["task"],
        X=np.column_stack([cells for _, cells in columns]),
        y=y,
        features=tuple(feature for feature, _ in columns),
        target=book["target"]["name"],
        classes=classes,
        target_description=book["target"]["description"],
        target_unit=book["target"].get("unit", ""),
        context=book["context"],
        source=book["source"],
        note=book.get("note", ""),
        paper=book.get("paper"),
        sensitive=tuple(book.get("sensitive", ())),
    )


def split(table: Table, seed: int) -> HoldoutIndices:
    """Split the rows into 20% training, 40% validation and 40% test rows, as in the paper.

    The split is stratified by class as nearly as possible; the rows of a regression are split in
    shuffled order.

    Args:
        table: The rows.
        seed: 0 to 4 are the paper's five seeds; any whole number of at least 0 is valid.

    Raises:
        EvollmError: If there are too few rows, or too few rows of a class for each part.
    """
    if seed < 0:
        raise EvollmError(f"the seed of a split must be a whole number of at least 0, not {seed}")
    n = len(table.y)
    order = np.random.default_rng(seed).permutation(n)
    if table.task == "classification":
        order = _spread(order, table)
    ends = [round(SHARES[0] * n), round((SHARES[0] + SHARES[1]) * n)]
    train, valid, test = (np.sort(part) for part in np.split(order, ends))
    if not (len(train) and len(valid) and len(test)):
        raise EvollmError(
            f"{table.name} has {n} rows, too few to split into three parts: give at least 5"
        )
    return HoldoutIndices(train, valid, test)


def _spread(order: NDArray[np.int64], table: Table) -> NDArray[np.int64]:
    """Reorder shuffled rows so that every interval contains each class in its share."""
    y = table.y[order]
    places = np.empty(len(y))
    for code, label in enumerate(table.classes):
        mine = np.flatnonzero(y == code)
        if 0 < len(mine) < 5:
            raise EvollmError(
                f"class {label!r} of {table.name} has {len(mine)} rows, too few for a split: give"
                " 5 or more, or merge it with another"
            )
        places[mine] = (np.arange(len(mine)) + 0.5) / max(len(mine), 1)
    return order[np.argsort(places, kind="stable")]


@lru_cache(maxsize=1)
def _books() -> Mapping[str, dict[str, Any]]:
    """Read all code books, by file name."""
    folder = resources.files("problems.trees.data") / "books"
    files = {file.name.removesuffix(".toml"): file for file in folder.iterdir()}
    return {
        name: {"name": name, **tomllib.loads(file.read_text(encoding="utf-8"))}
        for name, file in files.items()
        if file.name.endswith(".toml")
    }


def _called(name: str) -> str:
    known = {book["paper"]: key for key, book in _books().items() if "paper" in book}
    known |= {key: key for key in _books()}
    if name in known:
        return known[name]
    raise EvollmError(f"there is no data set {name!r}{nearest(name, sorted(known), len(known))}")


@lru_cache(maxsize=32)
def _sheet(archive: str, file: str, start: int, step: int) -> Sheet:
    sheet = read(archive, file)
    return Sheet(sheet.header, sheet.rows[start::step])


def _inputs(
    item: Mapping[str, Any], sheet: Sheet, zeros_missing: bool
) -> tuple[Feature, NDArray[np.float64]]:
    """Return a feature of a code book and its cells."""
    kind: Kind = item.get("kind", "category" if "codes" in item else "number")
    codes = item.get("codes", YES_AND_NO if kind == "flag" else None)
    cells, labels = _decoded(item, codes, sheet)
    if zeros_missing and item.get("zero_is_missing", False):
        cells = np.where(cells == 0, np.nan, cells)
    about, unit = item["description"], item.get("unit", "")
    ordered = item.get("ordered", False)
    return Feature(item["name"], about, unit, kind, labels, ordered), cells


def _outputs(item: Mapping[str, Any], sheet: Sheet) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the targets of a code book, and the names of the classes."""
    if "threshold" not in item:
        return _decoded(item, item.get("codes"), sheet)
    values, _ = _decoded(item, None, sheet)
    return (values >= item["threshold"]).astype(np.float64), tuple(item["classes"])


def _decoded(
    item: Mapping[str, Any], codes: Any, sheet: Sheet
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return a column as numbers or, given codes (raw text, label), as indices of labels."""
    place = sheet.header.index(item["column"])
    texts = [row[place] for row in sheet.rows]
    if codes is None:
        missing = (*MISSING, *item.get("missing", ()))
        numbers = [np.nan if text in missing else float(text) for text in texts]
        return np.array(numbers), ()
    labels = tuple(dict.fromkeys(label for _, label in codes))
    table = {raw: float(labels.index(label)) for raw, label in codes}
    table |= {raw: np.nan for raw in MISSING if raw not in table}
    return np.array([table[text] for text in texts]), labels
