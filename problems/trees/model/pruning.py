"""Pruning: removes splits that do not separate any rows."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from operators.trees.genome import Leaf, Tree, splits
from problems.trees.model.routing import Columns32, as_columns, goes_left


def simplified(tree: Tree, X: ArrayLike, equal_leaves: bool = False) -> Tree:
    """Return a tree without the splits that send all their rows to the same side.

    It predicts the same for each of the rows.

    Args:
        tree: Any tree over the columns.
        X: Shape ``(rows, columns)``; NaN for what is missing.
        equal_leaves: Whether splits between two equal leaves are removed as well.

    Raises:
        EvollmError: If ``X`` is not a table of finite numbers.
    """
    columns = as_columns(X)
    return _kept(tree, columns, np.arange(len(columns)), equal_leaves)


def _kept(tree: Tree, columns: Columns32, rows: NDArray[np.intp], equal_leaves: bool) -> Tree:
    if isinstance(tree, Leaf):
        return tree
    left = goes_left(tree, columns[rows])
    if left.all() or not left.any():
        branch = tree.left if left.all() else tree.right
        return _kept(branch, columns, rows, equal_leaves)
    branches = (
        _kept(tree.left, columns, rows[left], equal_leaves),
        _kept(tree.right, columns, rows[~left], equal_leaves),
    )
    if equal_leaves and isinstance(branches[0], Leaf) and branches[0] == branches[1]:
        return branches[0]
    return replace(tree, left=branches[0], right=branches[1])


def idle(tree: Tree, X: ArrayLike) -> int:
    """Return the number of splits that do not separate any rows.

    Raises:
        EvollmError: If ``X`` is not a table of finite numbers.
    """
    return len(splits(tree)) - len(splits(simplified(tree, X)))
