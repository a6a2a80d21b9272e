"""Rows for tests of trees: hypothesis strategies, and small tables."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from operators.trees.genome import Leaf
from problems.trees.data.samples import Samples
from tests.operators.trees.support_growth import COLUMNS

CELLS = st.one_of(
    st.sampled_from([i / 4 for i in range(-18, 19)]),
    st.floats(-5, 5),
    st.just(float("nan")),
)
CODES = st.sampled_from([0.0, 1.0, 2.0, float("nan")])


@st.composite
def tables(draw, most=30):
    """A table over the columns of ``tests.operators.trees.support_growth``, gaps among them."""
    rows = draw(st.integers(1, most))
    numbers = draw(hnp.arrays(np.float64, (rows, 2), elements=CELLS))
    codes = draw(hnp.arrays(np.float64, (rows, 1), elements=CODES))
    return np.hstack([numbers, codes])


def arrive(tree, row):
    """Walk one row of a tree in plain Python; return the leaf."""
    while not isinstance(tree, Leaf):
        x = np.float32(row[tree.feature])
        if np.isnan(x):
            left = tree.missing_left
        elif tree.categories:
            left = float(x) in tree.categories
        else:
            with np.errstate(over="ignore"):
                left = x <= np.float32(tree.threshold)
        tree = tree.left if left else tree.right
    return tree


def table(seed=0, rows=300, gaps=0.05):
    """A table over the same columns, and classes that depend on all of them."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.uniform(-4, 4, (rows, 2)), rng.integers(0, 3, rows)])
    score = X[:, 0] + (X[:, 2] == 1) * X[:, 1] + rng.normal(0, 0.5, rows)
    y = np.digitize(score, [-1, 1])
    X[rng.random(X.shape) < gaps] = np.nan
    return X, y


def samples(seed=0, rows=300, **more):
    return Samples.of(*table(seed, rows), **more)


WIDTH = len(COLUMNS.columns)
