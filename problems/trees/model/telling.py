"""Informative columns: ranks columns by how well each separates the targets."""

import numpy as np
from numpy.typing import NDArray

from operators.trees.columns import Column, Columns
from operators.trees.genome import Leaf, Split, with_leaves
from operators.trees.line import write
from problems.trees.data.samples import Samples
from problems.trees.model.fitness import TreeFitness

ROWS = 2000
"""Maximum number of rows used to rank columns."""
THRESHOLDS = 24
"""Maximum number of a column's thresholds that are tried for a hint."""


def most_telling(columns: Columns, samples: Samples) -> tuple[int, ...]:
    """Return the columns' indices, sorted by how much their best split lowers the impurity.

    The impurity is Gini's with the same total weight for all classes, or the variance. Categories
    are ordered by their mean target. The order depends only on the rows; of equal columns the first
    comes first.

    Args:
        columns: All columns.
        samples: The training rows; of more than ``ROWS``, evenly spaced ones are used.
    """
    rows = np.unique(np.linspace(0, len(samples.y) - 1, ROWS).round().astype(np.intp))
    y = samples.y[rows]
    weights = None if samples.weights is None else samples.weights[rows]
    gains = [
        _gain(_ordered(samples.X[rows, i].astype(np.float64), y, column), y, weights, columns)
        for i, column in enumerate(columns.columns)
    ]
    return tuple(np.argsort(-np.array(gains).round(12), kind="stable").tolist())


def _ordered(
    cells: NDArray[np.float64], y: NDArray[np.float64], column: Column
) -> NDArray[np.float64]:
    """Return a column's cells, with codes of categories replaced by their mean target."""
    if not column.categories:
        return cells
    means = [y[cells == code].mean() if (cells == code).any() else 0.0 for code in _codes(column)]
    known = np.isfinite(cells)
    found = np.full(len(cells), np.nan)
    found[known] = np.array(means)[cells[known].astype(np.intp)]
    return found


def _codes(column: Column) -> range:
    return range(len(column.categories))


def _gain(
    cells: NDArray[np.float64],
    y: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    columns: Columns,
) -> float:
    """Return the largest relative decrease of the impurity by one split."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if not columns.classes:
        stump = DecisionTreeRegressor(max_depth=1, random_state=0)
    else:
        stump = DecisionTreeClassifier(max_depth=1, random_state=0, class_weight="balanced")
    tree = stump.fit(cells[:, None], y, weights).tree_
    if tree.node_count == 1 or not tree.impurity[0] > 0:
        return 0.0
    part = tree.weighted_n_node_samples[1:] / tree.weighted_n_node_samples[0]
    return float(1 - (part * tree.impurity[1:]).sum() / tree.impurity[0])


def hints(
    problem: TreeFitness, columns: Columns, count: int, loss: bool = False
) -> tuple[str, ...]:
    """Return the best split of each column with its score, in lines, the best column first.

    Args:
        problem: Scores trees; these are no evaluations of a search.
        columns: The columns' names in the lines.
        count: Maximum number of columns.
        loss: Whether the fitness is minus a loss, which the lines then show.
    """
    stumps = [one for i, column in enumerate(problem.columns.columns) for one in _stumps(i, column)]
    outcomes = problem.evaluate(stumps, None, 0)
    best: dict[int, tuple[float, int]] = {}
    for place, (stump, outcome) in enumerate(zip(stumps, outcomes, strict=True)):
        if outcome.fitness > best.get(stump.feature, (-np.inf, 0))[0]:
            best[stump.feature] = outcome.fitness, place
    found = []
    for fitness, place in sorted(best.values(), key=lambda one: (-one[0], one[1]))[:count]:
        tree = with_leaves(stumps[place], (outcomes[place].info or {})["leaves"])
        score = f"loss {-fitness:z.4f}" if loss else f"score {fitness:z.4f}"
        found.append(f"{score}: {write(tree, columns)}")
    return tuple(found)


def _stumps(feature: int, column: Column) -> list[Split]:
    """Return trees of one split: at evenly spread thresholds, or with each category alone."""
    ends = Leaf(0.0), Leaf(0.0)
    if column.categories:
        return [Split(feature, 0.0, *ends, (code,)) for code in _codes(column)]
    known = column.thresholds
    places = np.linspace(0, len(known) - 1, min(len(known), THRESHOLDS)).round().astype(int)
    return [Split(feature, known[place], *ends) for place in places.tolist()]
