"""Scoring expressions: against DEAP's compiled trees, for whole columns and row by row.

``python -m tests.benchmarks.speed.expressions [--quick]``: 300 random expressions of two variables,
with functions that are defined everywhere. Ours scales and scores genomes as the engine does, with
all metrics; DEAP's compiles trees and computes the mean squared error, with arrays, and (up to
1,000 rows) as in DEAP's example row by row with Python's numbers. They are timed in turn, several
times; the ratios are those of the medians. Mismatches are expressions whose unscaled errors differ.
"""

import argparse
import json
import math
import operator
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from deap import gp

from operators.expressions.primitives import Primitives
from operators.expressions.variation import random_expressions
from problems.expressions.fitness import ExpressionFitness, Rows
from tests.benchmarks.studies.expression_opponents import deap_error

COUNT = 300
SIZES = (20, 1000, 10_000)
_ROWS = 1000
SCALARS: dict[str, tuple[int, Callable[..., float]]] = {
    "add": (2, operator.add),
    "sub": (2, operator.sub),
    "mul": (2, operator.mul),
    "sin": (1, math.sin),
    "cos": (1, math.cos),
}
PRIMITIVES = Primitives(("x", "y"), tuple(SCALARS))


def scalar_set() -> Any:
    """Return DEAP's primitive set for Python's numbers, with the names of ours."""
    pset = gp.PrimitiveSet("scalars", 2)
    for name, (arity, function) in SCALARS.items():
        pset.addPrimitive(function, arity, name=name)
    pset.renameArguments(ARG0="x", ARG1="y")
    return pset


def row_error(tree: Any, pset: Any, rows: list[tuple[float, float]], y: list[float]) -> float:
    """Return the mean squared error, row by row."""
    function = gp.compile(tree, pset)
    return math.fsum(
        (function(*row) - target) ** 2 for row, target in zip(rows, y, strict=True)
    ) / len(y)


def seconds(work: Callable[[], Any]) -> float:
    """Return the time that a piece of work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compared(size: int, repeats: int) -> tuple[dict[str, float], int]:
    """Return microseconds per expression by method, and the number of mismatches."""
    rng = np.random.default_rng(size)
    X = rng.uniform(-1, 1, (size, 2))
    rows = Rows.of(X, np.sin(X[:, 0]) + X[:, 1] ** 2)
    genomes = random_expressions(PRIMITIVES, highest=6).vary([], COUNT, seed=1).genomes
    trees = [PRIMITIVES.form.from_genome(genome) for genome in genomes]
    ours, plain = (ExpressionFitness(PRIMITIVES, rows, scaling) for scaling in (True, False))
    pset, lone, listed = PRIMITIVES.pset, scalar_set(), (X.tolist(), rows.y.tolist())
    works: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours.evaluate(genomes, None, 0),
        "DEAP, arrays": lambda: [deap_error(tree, pset, rows) for tree in trees],
    }
    if size <= _ROWS:
        works["DEAP, rows"] = lambda: [row_error(tree, lone, *listed) for tree in trees]
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            took[name].append(seconds(work))
    errors = [(-one.fitness * rows.y.std()) ** 2 for one in plain.evaluate(genomes, None, 0)]
    same = np.isclose(errors, [deap_error(tree, pset, rows) for tree in trees], rtol=1e-9)
    middle = {name: 1e6 * statistics.median(found) / COUNT for name, found in took.items()}
    return middle, int((~same).sum())


def main() -> None:
    """Compare, and print the ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    repeats = 3 if parser.parse_args().quick else 9
    ratios: dict[str, dict[str, float]] = {}
    mismatches = 0
    for size in SIZES:
        took, wrong = compared(size, repeats)
        mismatches += wrong
        parts = ", ".join(f"{name} {value:.0f} us" for name, value in took.items())
        print(f"{size} rows, per expression: {parts}")
        others = {name: value for name, value in took.items() if name != "ours"}
        ratios[str(size)] = {name: round(v / took["ours"], 2) for name, v in others.items()}
    print(json.dumps({"times_ours": ratios, "mismatches": mismatches}))


if __name__ == "__main__":
    main()
