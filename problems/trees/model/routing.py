"""Routing: which leaf every row comes to, for one tree or for a whole population."""

from collections.abc import Callable, Collection, Sequence
from math import inf, nextafter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evollm.errors import EvollmError
from operators.trees.genome import Leaf, Split, Tree, leaves, splits

Columns32: TypeAlias = NDArray[np.float32]
"""Rows by columns in single precision, each column contiguous; NaN where a number is missing."""
Numbers: TypeAlias = NDArray[np.unsignedinteger[Any]]
"""The number of a leaf for each row, counted from the left."""
Question: TypeAlias = tuple[int, float, tuple[int, ...], bool]
LARGEST = float(np.finfo(np.float32).max)
BLOCK = 1 << 14


def as_columns(X: ArrayLike) -> Columns32:
    """Return a table of numbers as trees compare them.

    Args:
        X: Shape ``(rows, columns)``; NaN for what is missing.

    Raises:
        EvollmError: If it is not such a table, or a number is infinite or beyond single precision.
    """
    try:
        with np.errstate(over="ignore"):
            columns = np.asarray(X).astype(np.float32, order="F")
    except (TypeError, ValueError):
        raise EvollmError("a tree's data must be a table of numbers: encode texts first") from None
    if columns.ndim != 2:
        raise EvollmError(f"a tree's data must be (rows, columns), not of shape {columns.shape}")
    if np.isinf(columns).any():
        raise EvollmError("a tree's data must be finite (or NaN) in single precision")
    return columns


def single(threshold: float) -> np.float32:
    """Return a threshold in single precision; one beyond it becomes infinite."""
    if abs(threshold) > LARGEST:
        return np.float32(inf if threshold > 0 else -inf)
    return np.float32(threshold)


def not_rounded_up(threshold: float) -> float:
    """Return the threshold, or just less, so that single precision does not raise it.

    Scikit-learn rounds the data only: a number in single precision that lies above its threshold
    must stay above the rounded one.
    """
    if threshold > LARGEST:
        return LARGEST
    near = single(threshold)
    if float(near) <= threshold:
        return threshold
    below = np.nextafter(near, np.float32(-inf))
    middle = (float(below) + float(near)) / 2
    return middle if single(middle) == below else nextafter(middle, -inf)


def route(trees: Sequence[Tree], columns: Columns32) -> list[Numbers]:
    """Return for each tree the number of the leaf that every row comes to.

    The work is done by whole columns, and splits that trees share are asked once.

    Args:
        trees: Any trees over the columns.
        columns: What ``as_columns`` returned.

    Raises:
        EvollmError: If a tree asks for a column that is not there.
    """
    kind = np.min_scalar_type(max([len(leaves(tree)) - 1 for tree in trees], default=0))
    rows, width = columns.shape
    shared = _shared(trees, width)
    found: list[Numbers] = [np.empty(rows, kind) for _ in trees]
    for start in range(0, rows, BLOCK):
        block = slice(start, min(start + BLOCK, rows))
        mask = _masks(columns[block], kind, shared)
        for tree, numbers in zip(trees, found, strict=True):
            numbers[block] = _numbers(tree, 0, mask)[0]
    return found


def goes_left(split: Split, columns: Columns32) -> NDArray[np.bool_]:
    """Say which rows a split sends left."""
    column = columns[:, split.feature]
    if split.categories:
        left = np.isin(column, split.categories)
        return left | np.isnan(column) if split.missing_left else left
    if split.missing_left:  # what is missing is not greater, either
        return ~(column > single(split.threshold))
    return np.less_equal(column, single(split.threshold))


def check_width(tree: Tree, width: int) -> None:
    """Check that a tree asks for columns from 0 to ``width - 1`` only.

    Raises:
        EvollmError: If it does not.
    """
    _check(max([split.feature for split in splits(tree)], default=-1), width)


def _check(feature: int, width: int) -> None:
    if feature >= width:
        raise EvollmError(f"a tree asks for column {feature}, but there are {width}")


def _question(split: Split) -> Question:
    return (split.feature, split.threshold, split.categories, split.missing_left)


def _shared(trees: Sequence[Tree], width: int) -> set[Question]:
    """Return the questions that are asked more than once: only their answers are worth keeping."""
    seen: set[Question] = set()
    shared: set[Question] = set()
    for tree in trees:
        for split in splits(tree):
            question = _question(split)
            (shared if question in seen else seen).add(question)
    _check(max([question[0] for question in seen], default=-1), width)
    return shared


def _masks(
    columns: Columns32, kind: np.dtype[Any], shared: Collection[Question]
) -> Callable[[Split], Numbers]:
    """Return a function that gives a split's rows: 1 where they go left, otherwise 0."""
    known: dict[Question, Numbers] = {}

    def mask(split: Split) -> Numbers:
        question = _question(split)
        if (found := known.get(question)) is None:
            found = goes_left(split, columns).view(np.uint8).astype(kind, copy=False)
            if question in shared:
                known[question] = found
        return found

    return mask


def _numbers(tree: Tree, first: int, mask: Callable[[Split], Numbers]) -> tuple[Any, int]:
    """Return each row's leaf, counted from ``first``, and the number after the last leaf's."""
    if isinstance(tree, Leaf):
        return first, first + 1
    left, middle = _numbers(tree.left, first, mask)
    right, end = _numbers(tree.right, middle, mask)
    return right ^ (mask(tree) * (left ^ right)), end
