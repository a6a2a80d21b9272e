"""Telling columns come first, whatever they hold, and always in the same order."""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.tree import DecisionTreeClassifier

from operators.trees.columns import Columns
from problems.trees.data.samples import Samples
from problems.trees.model.fitness import TreeFitness
from problems.trees.model.telling import ROWS, hints, most_telling
from tests.support_each import each


def made(rows=400, seed=0):
    """Noise, a set of categories, a number with gaps, a constant: classes depend on two of them."""
    rng = np.random.default_rng(seed)
    colour, size = rng.integers(0, 4, rows), rng.normal(size=rows)
    y = np.where(np.isin(colour, [0, 2]), 1.0, 0.0)
    y = np.where(rng.random(rows) < 0.3, 1.0 * (size > 0), y)
    X = np.column_stack([rng.normal(size=(rows, 2)), colour, np.full(rows, 7.0), size])
    X[::7, 4] = np.nan
    names = ["n1", "n2", "colour", "same", "size"]
    categories = {"colour": ["a", "b", "c", "d"]}
    return Columns.of(X, names, classes=("no", "yes"), categories=categories), X, y


def test_sets_of_categories_and_numbers_with_gaps_come_before_noise():
    columns, X, y = made()
    order = most_telling(columns, Samples.of(X, y))
    assert order[:2] == (2, 4)
    assert order[-1] == 3
    assert sorted(order) == list(range(5))
    numbers = Columns.of(X, y=X[:, 0])
    assert most_telling(numbers, Samples.of(X, X[:, 0]))[0] == 0


def test_rare_classes_count_as_much_as_frequent_ones():
    rng = np.random.default_rng(1)
    y = (np.arange(1000) >= 980).astype(float)
    rare = np.where(y == 1, 1.0, rng.random(1000) < 0.1)
    X = np.column_stack([rng.normal(size=1000), rare])
    assert most_telling(Columns.of(X, classes=(0, 1)), Samples.of(X, y)) == (1, 0)


def test_the_first_is_where_a_stump_cuts_and_the_order_is_the_same_again():
    X, y = load_breast_cancer(return_X_y=True)
    columns, samples = Columns.of(X, classes=(0, 1)), Samples.of(X, y)
    order = most_telling(columns, samples)
    stump = DecisionTreeClassifier(max_depth=1, class_weight="balanced").fit(samples.X, y)
    assert order[0] == stump.tree_.feature[0]
    assert order == most_telling(columns, samples)
    doubled = np.hstack([X[:, :3], X[:, :3]])
    found = most_telling(Columns.of(doubled, classes=(0, 1)), Samples.of(doubled, y))
    assert [i % 3 for i in found[::2]] == [i % 3 for i in found[1::2]]
    assert all(one < other for one, other in zip(found[::2], found[1::2], strict=True))


@each("rows", [1, 2, ROWS, 3 * ROWS])
def test_any_number_of_rows_can_be_ranked(rows):
    X = np.column_stack([np.zeros(rows), np.arange(rows) % 2])
    columns = Columns.of(X, classes=(0, 1))
    weights = np.ones(rows)
    order = most_telling(columns, Samples.of(X, X[:, 1], weights))
    assert order == ((1, 0) if rows > 1 else (0, 1))


def test_hints_are_the_best_splits_of_the_best_columns():
    columns, X, y = made()
    problem = TreeFitness(columns, Samples.of(X, y))
    first, second = hints(problem, columns, 2)
    assert first.startswith("score 0.")
    assert "colour in{" in first
    assert "(size<" in second
    assert len(hints(problem, columns, 9)) == 4  # the constant column has no split
    assert hints(problem, columns, 2, loss=True)[0].startswith("loss -0.")
