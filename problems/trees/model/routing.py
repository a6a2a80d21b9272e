"""Routing: the leaf of every row, for one tree or a whole population."""

from collections.abc import Callable, Collection, Sequence
from math import inf, nextafter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evollm.errors import EvollmError
from operators.trees.genome import Leaf, Split, Tree, leaves, splits

Columns32: TypeAlias = NDArray[np.float32]
"""Rows by columns in single precision with contiguous columns; NaN for missing values."""
Numbers: TypeAlias = NDArray[np.unsignedinteger[Any]]
"""The index of each row's leaf, counted from the left."""
Question: TypeAlias = tuple[int, float, tuple[int, ...], bool]
LARGEST = float(np.finfo(np.float32).max)
BLOCK = 1 << 14


def as_columns(X: ArrayLike) -> Columns32:
    """Return a table of numbers in the form that trees compare.

    Args:
        X: Shape ``(rows, columns)``; NaN for what is missing.

    Raises:
        EvollmError: If it is not such a table, or a number is infinite or out of range of single
            precision.
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
    """Return a threshold in single precision; one out of range becomes infinite."""
    if abs(threshold) > LARGEST:
        return np.float32(inf if threshold > 0 else -inf)
    return np.float32(threshold)


def not_rounded_up(threshold: float) -> float:
    """Return the threshold, decreased if necessary so that single precision does not raise it.

    Scikit-learn rounds only the data: a number in single precision above the threshold must also be
    above the rounded one.
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
    """Return for each tree the index of every row's leaf.

    The work is done on whole columns, and splits shared by trees are evaluated once.

    Args:
        trees: Any trees over the columns.
        columns: What ``as_columns`` returned.

    Raises:
        EvollmError: If a tree refers to an unknown column.
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
    """Return for each row whether a split sends it left."""
    column = columns[:, split.feature]
    if split.categories:
        left = np.isin(column, split.categories)
        return left | np.isnan(column) if split.missing_left else left
    if split.missing_left:  # missing values are not greater either
        return ~(column > single(split.threshold))
    return np.less_equal(column, single(split.threshold))


def check_width(tree: Tree, width: int) -> None:
    """Check that a tree tests only columns 0 to ``width - 1``.

    Raises:
        EvollmError: If it tests others.
    """
    _check(max([split.feature for split in splits(tree)], default=-1), width)


def _check(feature: int, width: int) -> None:
    if feature >= width:
        raise EvollmError(
            f"a tree tests column {feature}, but there are {width}: give rows with all its columns"
        )


def _question(split: Split) -> Question:
    return (split.feature, split.threshold, split.categories, split.missing_left)


def _shared(trees: Sequence[Tree], width: int) -> set[Question]:
    """Return the tests that occur more than once, whose results are cached."""
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
    """Return a function from a split to an array with 1 for rows that go left, otherwise 0."""
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
    """Return each row's leaf, counted from ``first``, and the index after the last leaf."""
    if isinstance(tree, Leaf):
        return first, first + 1
    left, middle = _numbers(tree.left, first, mask)
    right, end = _numbers(tree.right, middle, mask)
    return right ^ (mask(tree) * (left ^ right)), end
