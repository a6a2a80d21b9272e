"""Fitted trees: trees with leaves fitted to rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evollm.errors import EvollmError
from operators.trees.genome import Tree, leaves, with_leaves
from problems.trees.data.samples import Samples
from problems.trees.model.arrays import compiled
from problems.trees.model.routing import Numbers, as_columns, route


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A tree ready to predict.

    Attributes:
        genome: The tree with the splits; the values of its leaves are ignored.
        values: One per leaf, from left to right: the index of a class, or a number.
        probabilities: Shape ``(leaves, classes)``; no columns in regression.
    """

    genome: Tree
    values: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    @property
    def leaf_values(self) -> list[float]:
        """The values of the leaves, from left to right: whole numbers for classes."""
        kind = np.intp if self.probabilities.shape[1] else np.float64
        found: list[float] = self.values.astype(kind).tolist()
        return found

    @property
    def tree(self) -> Tree:
        """The tree with ``values`` at its leaves."""
        return with_leaves(self.genome, self.leaf_values)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the index of a class or a number for every row.

        Args:
            X: Shape ``(rows, columns)``; NaN for missing values.

        Raises:
            EvollmError: If it is not a table of finite numbers with the columns of the tree.
        """
        return self.values[self.apply(X)]

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of every class for every row; raises as ``predict`` does."""
        return self.probabilities[self.apply(X)]

    def apply(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the index of every row's leaf, from the left; raises as ``predict`` does."""
        return compiled(self.genome).apply(as_columns(X))


def fit(
    tree: Tree, samples: Samples, classes: int, refit: bool = True, balanced: bool = False
) -> Fitted:
    """Fit the leaves of one tree; see ``fit_all``."""
    return fit_all([tree], samples, classes, refit, balanced)[0]


def fit_all(
    trees: Sequence[Tree],
    samples: Samples,
    classes: int,
    refit: bool = True,
    balanced: bool = False,
) -> list[Fitted]:
    """Fit the leaves of a population.

    Args:
        trees: The trees, whose splits are kept.
        samples: The rows to which the leaves are fitted.
        classes: Number of classes; 0 for regression.
        refit: Whether leaves predict the class with the largest weight (the first of equal ones) or
            the weighted mean of their rows; otherwise they keep their values, with probability 1. A
            leaf without weighted rows always keeps its value.
        balanced: Whether all classes have the same total weight, with which leaves maximise
            balanced accuracy for the tree's splits; otherwise a class has the weight of its rows.

    Raises:
        EvollmError: If a tree refers to an unknown column or class.
    """
    found = []
    for tree, numbers in zip(trees, route(trees, samples.X), strict=True):
        own = own_values(tree)
        weights = weigh(numbers, samples, len(own), classes)
        found.append(fit_leaves(tree, own, numbers, samples, weights, refit, balanced))
    return found


def fit_leaves(
    tree: Tree,
    own: NDArray[np.float64],
    numbers: Numbers,
    samples: Samples,
    weights: NDArray[np.float64],
    refit: bool,
    balanced: bool = False,
) -> Fitted:
    """Fit the leaves of a tree, given each row's leaf and the weights; see ``fit_all``.

    Args:
        tree: The tree, whose splits are kept.
        own: The values of its leaves.
        numbers: Each row's leaf.
        samples: The rows.
        weights: What ``weigh`` returned.
        refit: As in ``fit_all``.
        balanced: As in ``fit_all``.

    Raises:
        EvollmError: If a leaf has an unknown class.
    """
    if not weights.shape[1]:
        return Fitted(tree, _means(own, numbers, samples) if refit else own, weights)
    if not refit:
        return Fitted(tree, own, _certain(own, weights.shape[1]))
    if balanced:
        weights = _balanced(weights)
    total = weights.sum(axis=1, keepdims=True)
    reached = total > 0
    start = np.empty_like(weights) if reached.all() else _certain(own, weights.shape[1])
    probabilities = np.divide(weights, total, out=start, where=reached)
    return Fitted(tree, probabilities.argmax(axis=1).astype(np.float64), probabilities)


def own_values(tree: Tree) -> NDArray[np.float64]:
    """Return the values of a tree's leaves, from left to right."""
    return np.array([leaf.value for leaf in leaves(tree)], dtype=np.float64)


def weigh(numbers: Numbers, samples: Samples, leaves: int, classes: int) -> NDArray[np.float64]:
    """Return the weight of each class at each leaf.

    Args:
        numbers: Each row's leaf.
        samples: The rows.
        leaves: Number of leaves.
        classes: Number of classes; 0 for regression.

    Returns:
        Shape ``(leaves, classes)``.
    """
    cells = leaves * classes
    if not cells:
        return np.empty((leaves, 0))
    cell = np.multiply(numbers, classes, dtype=np.uint16 if cells <= 2**16 else np.intp)
    cell += samples.labels
    found = np.bincount(cell, samples.weights, cells)
    return found.reshape(leaves, classes).astype(np.float64)


def _balanced(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each class's weights as shares of its total; 0 for a class without weight."""
    total = weights.sum(axis=0)
    shares = np.zeros_like(weights)
    np.divide(weights, total, out=shares, where=total > 0)
    return shares


def _means(own: NDArray[np.float64], numbers: Numbers, samples: Samples) -> NDArray[np.float64]:
    """Return the weighted mean of each leaf's rows, or the leaf's value if there are none."""
    weights = np.ones_like(samples.y) if samples.weights is None else samples.weights
    total = np.bincount(numbers, weights, len(own))
    sums = np.bincount(numbers, weights * samples.y, len(own))
    return np.divide(sums, total, out=own.copy(), where=total > 0)


def _certain(own: NDArray[np.float64], classes: int) -> NDArray[np.float64]:
    """Return probability 1 for the class of each leaf."""
    labels = own.astype(np.intp)
    if ((labels != own) | (labels < 0) | (labels >= classes)).any():
        raise EvollmError(f"a tree's leaf must have a class of 0 to {classes - 1}")
    return np.eye(classes)[labels]
