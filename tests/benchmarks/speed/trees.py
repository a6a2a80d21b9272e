"""Fitting and scoring a population of trees: against row-by-row walking and scikit-learn's predict.

``python -m tests.benchmarks.speed.trees [--quick]``: 100 trees of depth 4 on 10,000 rows and 20
columns. Ours fits all leaves and scores all trees by balanced accuracy; the walk does the same over
the rows of the array, one after another (and, printed only, over rows that were made lists
beforehand); scikit-learn only predicts, with as many fitted trees. They are timed in turn, several
times; the ratios are those of the medians. Mismatches are rows, of all trees, that a tree converted
from scikit-learn's classifies otherwise or gives another probability; regression is counted, too.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from operators.trees.columns import Columns
from operators.trees.genome import Leaf, Tree, depth, leaves
from problems.trees.data.samples import Samples
from problems.trees.model.convert import from_sklearn
from problems.trees.model.fitness import TreeFitness

ROWS, WIDTH, TREES, DEPTH = 10_000, 20, 100, 4


def table(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return rows in double precision, and the noisy class of each."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, WIDTH))
    score = X[:, 0] + X[:, 1] * X[:, 2] + np.abs(X[:, 3]) + rng.normal(size=ROWS)
    return X, (score > 1).astype(np.int64)


def grown(kind: Any, X: NDArray[np.float64], y: NDArray[Any], count: int) -> list[Any]:
    """Return trees of full depth, each grown from half of the rows and some of the columns."""
    rng = np.random.default_rng(1)
    models = []
    for seed in range(count):
        rows = rng.choice(len(X), len(X) // 2, replace=False)
        model = kind(max_depth=DEPTH, max_features=0.3, random_state=seed)
        models.append(model.fit(X[rows], y[rows]))
    return models


def walked(trees: Sequence[Tree], rows: Any, labels: Sequence[int]) -> list[float]:
    """Fit leaves for balanced accuracy and score trees in plain Python, row after row."""
    return [_walk(tree, rows, labels) for tree in trees]


def _walk(tree: Tree, rows: Any, labels: Sequence[int]) -> float:
    counts: dict[int, list[int]] = {id(leaf): [0, 0] for leaf in leaves(tree)}
    for row, label in zip(rows, labels, strict=True):
        counts[id(_arrive(tree, row))][label] += 1
    total = [sum(count[label] for count in counts.values()) for label in (0, 1)]
    said = {leaf: int(n[1] * total[0] > n[0] * total[1]) for leaf, n in counts.items()}
    right = [0, 0]
    for row, label in zip(rows, labels, strict=True):
        right[label] += said[id(_arrive(tree, row))] == label
    return statistics.mean(r / t for r, t in zip(right, total, strict=True))


def _arrive(node: Tree, row: Any) -> Leaf:
    while not isinstance(node, Leaf):
        node = node.left if row[node.feature] <= node.threshold else node.right
    return node


def mismatches(count: int) -> int:
    """Count what converted classifiers and regressors say otherwise, with and without gaps."""
    X, y = table(2)
    gaps = np.where(np.random.default_rng(3).random(X.shape) < 0.1, np.nan, X)
    found = 0
    for data in (X, gaps):
        for model in grown(DecisionTreeClassifier, data, y, count):
            ours = from_sklearn(model)
            found += int((ours.predict(data) != model.predict(data)).sum())
            found += int((ours.predict_proba(data) != model.predict_proba(data)).any(1).sum())
        for model in grown(DecisionTreeRegressor, data, X[:, 0] * X[:, 1], count):
            found += int((from_sklearn(model).predict(data) != model.predict(data)).sum())
    return found


def seconds(work: Callable[[], Any]) -> float:
    """Return the time that a piece of work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Compare the three, and print the ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    quick = parser.parse_args().quick
    X, y = table(0)
    models = grown(DecisionTreeClassifier, X, y, TREES)
    trees = [from_sklearn(model).tree for model in models]
    assert all(depth(tree) == DEPTH for tree in trees)
    columns = Columns.of(X, classes=(0, 1))

    def ours() -> list[float]:
        problem = TreeFitness(columns, Samples.of(X, y))
        return [outcome.fitness for outcome in problem.evaluate(trees, None, 0)]

    works: dict[str, Callable[[], Any]] = {
        "ours": ours,
        "sklearn": lambda: [model.predict(X) for model in models],
        "rows": lambda: walked(trees, X, y.tolist()),
        "rows as lists": lambda: walked(trees, X.tolist(), y.tolist()),
    }
    assert np.allclose(ours(), works["rows as lists"](), rtol=1e-12)
    took: dict[str, list[float]] = {name: [] for name in works}
    repeats = {"ours": 8, "sklearn": 4, "rows": 1, "rows as lists": 1}
    for _ in range(3 if quick else 10):
        for name, work in works.items():
            took[name] += [seconds(work) for _ in range(repeats[name])]
    middle = {name: statistics.median(found) for name, found in took.items()}
    for name, found in middle.items():
        print(f"{name}: {1000 * found:.1f} ms for {TREES} trees")
    found = {
        "speedup_over_rows": round(middle["rows"] / middle["ours"], 1),
        "ratio_to_sklearn": round(middle["ours"] / middle["sklearn"], 3),
        "mismatches": mismatches(20 if quick else 100),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
