"""A tree as arrays, for evaluating all rows at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from operators.trees.genome import Leaf, Split, Tree, depth, walk
from problems.trees.model.routing import Columns32, single


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A tree as arrays, with one row per node in the order of ``walk``.

    Attributes:
        feature: Index of a column; -1 at a leaf.
        threshold: In single precision.
        left: Index of the left child; of a leaf its own.
        right: Index of the right child; of a leaf its own.
        missing_left: Whether missing values go left.
        codes: Shape ``(nodes, codes)``: whether a category goes left.
        chooses: Whether the node tests categories.
        value: Value of a leaf; 0 for splits.
        leaf: Index of a leaf, counted from the left; 0 for splits.
        steps: The tree's depth.
    """

    feature: NDArray[np.intp]
    threshold: Columns32
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    missing_left: NDArray[np.bool_]
    codes: NDArray[np.bool_]
    chooses: NDArray[np.bool_]
    value: NDArray[np.float64]
    leaf: NDArray[np.intp]
    steps: int

    def apply(self, columns: Columns32) -> NDArray[np.intp]:
        """Return the index of every row's leaf, for all rows at once.

        Raises:
            EvollmError: If the tree refers to an unknown column.
        """
        width = columns.shape[1]
        if (most := int(self.feature.max())) >= width:
            raise EvollmError(
                f"a tree tests column {most}, but there are {width}: give rows with all its columns"
            )
        node = np.zeros(len(columns), dtype=np.intp)
        rows = np.arange(len(columns))
        for _ in range(self.steps):
            x = columns[rows, np.maximum(self.feature[node], 0)]
            left = np.where(np.isnan(x), self.missing_left[node], self._holds(node, x))
            node = np.where(left, self.left[node], self.right[node])
        return self.leaf[node]

    def _holds(self, node: NDArray[np.intp], x: Columns32) -> NDArray[np.bool_]:
        """Return for each row whether it passes the test of its node."""
        below = x <= self.threshold[node]
        if not self.chooses.any():
            return below
        most = self.codes.shape[1] - 1
        code = np.clip(np.nan_to_num(x), 0, most).astype(np.intp)
        chosen = (code == x) & self.codes[node, code]
        return np.where(self.chooses[node], chosen, below)


def compiled(tree: Tree) -> Compiled:
    """Return a tree as arrays."""
    nodes = [node for _, node in walk(tree)]
    asks = [isinstance(node, Split) for node in nodes]
    most = max([c for n in nodes if isinstance(n, Split) for c in n.categories], default=0)
    codes = np.zeros((len(nodes), most + 1), dtype=np.bool_)
    left = np.arange(len(nodes))
    right = np.arange(len(nodes))
    _link(tree, 0, left, right)
    for place, node in enumerate(nodes):
        if isinstance(node, Split):
            codes[place, list(node.categories)] = True
    return Compiled(
        np.array([n.feature if isinstance(n, Split) else -1 for n in nodes]),
        np.array([single(n.threshold) if isinstance(n, Split) else 0.0 for n in nodes], np.float32),
        left,
        right,
        np.array([isinstance(n, Split) and n.missing_left for n in nodes]),
        codes,
        np.asarray(codes.any(axis=1)),
        np.array([n.value if isinstance(n, Leaf) else 0.0 for n in nodes], np.float64),
        np.where(asks, 0, np.cumsum(~np.array(asks)) - 1),
        depth(tree),
    )


def _link(tree: Tree, place: int, left: NDArray[np.intp], right: NDArray[np.intp]) -> int:
    """Store the children's indices; return the index after the tree's last node."""
    if isinstance(tree, Leaf):
        return place + 1
    left[place] = place + 1
    right[place] = _link(tree.left, place + 1, left, right)
    return _link(tree.right, int(right[place]), left, right)
