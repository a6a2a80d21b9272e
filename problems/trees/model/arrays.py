"""One tree as arrays, for rows that walk it all at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from operators.trees.genome import Leaf, Split, Tree, depth, walk
from problems.trees.model.routing import Columns32, single


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """One tree as arrays, one row per node in the order of ``walk``.

    Attributes:
        feature: Index of a column; -1 at a leaf.
        threshold: In single precision.
        left: Number of the node to the left; at a leaf its own.
        right: Number of the node to the right; at a leaf its own.
        missing_left: Where rows go that lack the number.
        codes: Shape ``(nodes, codes)``: which categories go left.
        chooses: Whether the node asks for categories.
        value: Of a leaf; 0 elsewhere.
        leaf: A leaf's number, counted from the left; 0 elsewhere.
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
        """Return the number of the leaf that every row comes to: all rows walk at once.

        Raises:
            EvollmError: If the tree asks for a column that is not there.
        """
        width = columns.shape[1]
        if (most := int(self.feature.max())) >= width:
            raise EvollmError(f"a tree asks for column {most}, but there are {width}")
        node = np.zeros(len(columns), dtype=np.intp)
        rows = np.arange(len(columns))
        for _ in range(self.steps):
            x = columns[rows, np.maximum(self.feature[node], 0)]
            left = np.where(np.isnan(x), self.missing_left[node], self._holds(node, x))
            node = np.where(left, self.left[node], self.right[node])
        return self.leaf[node]

    def _holds(self, node: NDArray[np.intp], x: Columns32) -> NDArray[np.bool_]:
        """Say for which rows the question of their node holds."""
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
    """Write down the children's numbers; return the number after the tree's last node."""
    if isinstance(tree, Leaf):
        return place + 1
    left[place] = place + 1
    right[place] = _link(tree.left, place + 1, left, right)
    return _link(tree.right, int(right[place]), left, right)
