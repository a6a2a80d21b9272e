"""Conversion of scikit-learn's trees, and initial trees from its CART and random forest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.types import Offspring, Parent
from operators.trees.columns import Columns
from operators.trees.genome import DEEPEST as GROWN
from operators.trees.genome import MOST_NODES, Leaf, Split, Tree, leaves, settled, with_leaves
from problems.trees.data.samples import Samples
from problems.trees.model.fitted import Fitted
from problems.trees.model.routing import not_rounded_up

DEEPEST = 200
MOST_LEAVES = (MOST_NODES + 1) // 2


def from_sklearn(model: Any) -> Fitted:
    """Convert a fitted tree of scikit-learn, with exactly the same predictions and probabilities.

    Args:
        model: A fitted ``DecisionTreeClassifier`` or ``DecisionTreeRegressor``, or an extra tree.
            Leaves contain the index of a class in its ``classes_``, or a number.

    Raises:
        EvollmError: If it is anything else, not fitted, too deep, or has several outputs.
    """
    tree = getattr(model, "tree_", None)
    if tree is None:
        raise EvollmError(
            f"a {type(model).__name__} is not a fitted decision tree: call fit(X, y) first"
        )
    if tree.n_outputs != 1:
        raise EvollmError(
            "a decision tree with several outputs can't be converted: fit one per output"
        )
    if tree.max_depth > DEEPEST:
        raise EvollmError(
            f"a decision tree deeper than {DEEPEST} can't be converted: limit its max_depth"
        )
    held = tree.value[:, 0, :]
    classifies = hasattr(model, "classes_")
    values = held.argmax(axis=1) if classifies else held[:, 0]
    made = _subtree(_Arrays.of(tree), values.tolist(), 0)
    at_leaves = held[_leaf_places(tree)]
    values_at = np.array([leaf.value for leaf in leaves(made)], dtype=np.float64)
    return Fitted(made, values_at, at_leaves if classifies else np.empty((len(values_at), 0)))


@dataclass(frozen=True, slots=True)
class _Arrays:
    """A tree's arrays as lists, whose items are faster to access."""

    feature: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    missing_left: list[int]

    @classmethod
    def of(cls, tree: Any) -> "_Arrays":
        arrays = (tree.feature, tree.threshold, tree.children_left, tree.children_right)
        return cls(*[array.tolist() for array in (*arrays, tree.missing_go_to_left)])


def _subtree(arrays: _Arrays, values: Sequence[float], node: int) -> Tree:
    if arrays.left[node] < 0:
        return Leaf(values[node])
    return Split(
        arrays.feature[node],
        not_rounded_up(arrays.threshold[node]),
        _subtree(arrays, values, arrays.left[node]),
        _subtree(arrays, values, arrays.right[node]),
        missing_left=bool(arrays.missing_left[node]),
    )


def _leaf_places(tree: Any) -> NDArray[np.intp]:
    """Return the indices of the leaves, which scikit-learn does not always store from the left."""
    found, stack = [], [0]
    while stack:
        node = stack.pop()
        if tree.children_left[node] < 0:
            found.append(node)
        else:
            stack += [int(tree.children_right[node]), int(tree.children_left[node])]
    return np.array(found, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Makes initial trees: a CART of all rows, and a random forest on parts of the rows.

    The CART is scikit-learn's with ``random_state=0``, whatever the seed. If leaves are fitted for
    the same objective, no search that keeps its best ends with a lower training score.

    Trees have at most ``MOST_NODES`` nodes, grown best-first.

    Attributes:
        columns: The columns and classes of the trees.
        samples: The rows.
        max_depth: Maximum number of splits on a path, 1 to ``operators.trees.genome.DEEPEST``.
        share: Share of the rows for each tree of the forest, drawn with replacement.
        balanced: Whether the CART has ``class_weight="balanced"``.
    """

    columns: Columns
    samples: Samples
    max_depth: int = 3
    share: float = 0.5
    balanced: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.max_depth <= GROWN or not 0 < self.share <= 1:
            raise EvollmError(
                f"a forest needs a max_depth of 1 to {GROWN}, and a share above 0 and at most 1"
            )

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Tree]:
        """Return ``n`` trees, ignoring the parents; categories are split by their codes.

        The first one is the CART of all rows.
        """
        if n < 1:
            return Offspring([])
        cart = self._cart()
        trees = [self._labelled(from_sklearn(cart).tree, cart)]
        if n > 1:
            forest = self._forest(n - 1, seed)
            trees += [self._labelled(from_sklearn(one).tree, forest) for one in forest.estimators_]
        return Offspring(trees, parents=[[] for _ in trees])

    def _cart(self) -> Any:
        """Return scikit-learn's tree of all rows."""
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        kind = DecisionTreeClassifier if self.columns.classes else DecisionTreeRegressor
        options: dict[str, Any] = {"max_depth": self.max_depth, "random_state": 0}
        if self.balanced:
            options["class_weight"] = "balanced"
        rows = (self.samples.X, self.samples.y, self.samples.weights)
        model = kind(**options).fit(*rows)
        if model.get_n_leaves() <= MOST_LEAVES:
            return model
        return kind(**options, max_leaf_nodes=MOST_LEAVES).fit(*rows)

    def _forest(self, n: int, seed: int) -> Any:
        """Return scikit-learn's forest."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        kind = RandomForestClassifier if self.columns.classes else RandomForestRegressor
        model = kind(
            n_estimators=n,
            max_depth=self.max_depth,
            max_leaf_nodes=MOST_LEAVES if 2**self.max_depth > MOST_LEAVES else None,
            max_samples=max(1, round(self.share * len(self.samples.y))),
            random_state=seed % 2**32,
        )
        return model.fit(self.samples.X, self.samples.y, self.samples.weights)

    def _labelled(self, tree: Tree, model: Any) -> Tree:
        """Convert a tree's classes and categories to our codes, and settle missing values."""
        if self.columns.classes:
            labels = [int(model.classes_[int(leaf.value)]) for leaf in leaves(tree)]
            tree = with_leaves(tree, labels)
        gaps = np.flatnonzero(np.isnan(self.samples.X).any(axis=0)).tolist()
        known = [i for i in gaps if self.columns.columns[i].gaps]
        return settled(self._converted(tree), known)

    def _converted(self, tree: Tree) -> Tree:
        if isinstance(tree, Leaf):
            return tree
        labels = range(len(self.columns.columns[tree.feature].categories))
        return replace(
            tree,
            left=self._converted(tree.left),
            right=self._converted(tree.right),
            threshold=0.0 if labels else tree.threshold,
            categories=tuple(code for code in labels if code <= tree.threshold),
        )
