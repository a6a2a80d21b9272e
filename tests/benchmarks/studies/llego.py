"""LLEGO beside its controls on tables: ``python -m tests.benchmarks.studies.llego``.

Question: what does a small, untaught model add to the evolution of decision trees, and what do the
same search with classical operators, random trees at as many evaluations, a tuned CART, one with
balanced weights and an optimal tree get? The paper's splits (20% to train, 40% to choose, 40% to
test), seeds from 0. Trees evolve on the training rows, start from CARTs, and the tree that is
reported is the best on the validation rows. A cell is one run; what is missing is run, the rest is
read from ``results/llego``. The core: the model's rows on three sets, depth 3, three seeds, 8
generations of 12; the other rows on all sets, depths 3 and 4, five seeds.
"""

import argparse
import json
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from evollm import Budget, EvollmError, Result
from evollm.llm.connect import connect
from evollm.report.plots import best_so_far
from problems.trees.data.samples import Samples
from problems.trees.data.tables import Table, load, split
from problems.trees.llego import SHARES, LLEGOSettings
from problems.trees.model.fitness import TreeFitness
from problems.trees.present.pictures import plot_efficiency
from problems.trees.prompt_words import columns_of, described
from problems.trees.system import LLEGO
from tests.benchmarks.studies.cells import RESULTS, Cell, Cells

ASKED = ("pima", "heart", "wisconsin")
CLASSIFICATION = (
    *ASKED, "german", "vehicle", "bupa", "saheart", "mammographic", "breast_recurrence",
)  # fmt: skip
REGRESSION = ("diabetes_progression", "wine_quality", "wages", "cars")
TITLES = {
    "cart": "CART, tuned",
    "cart_balanced": "CART, tuned, balanced",
    "optimal": "optimal tree",
    "random": "random trees",
    "classical": "classical operators",
    "mix": "model and classical",
    "rewriting": "model, one subtree",
    "llego": "LLEGO, offline model",
}
OLDER = " *"
MEANING = (
    "with leaves of the majority class, and without the CART of all training rows at the start"
)
PAPER = {
    (3, "pima"): {"CART": 0.710, "GATree": 0.681, "LLEGO": 0.713},
    (3, "heart"): {"CART": 0.734, "GATree": 0.669, "LLEGO": 0.736},
    (3, "wisconsin"): {"CART": 0.941, "GATree": 0.942, "LLEGO": 0.946},
    (3, "german"): {"CART": 0.668, "GATree": 0.648, "LLEGO": 0.679},
    (3, "vehicle"): {"CART": 0.903, "GATree": 0.922, "LLEGO": 0.937},
    (4, "pima"): {"CART": 0.704, "GATree": 0.675, "LLEGO": 0.721},
    (4, "heart"): {"CART": 0.713, "GATree": 0.676, "LLEGO": 0.751},
    (4, "wisconsin"): {"CART": 0.945, "GATree": 0.941, "LLEGO": 0.951},
    (4, "german"): {"CART": 0.675, "GATree": 0.658, "LLEGO": 0.684},
    (4, "vehicle"): {"CART": 0.925, "GATree": 0.895, "LLEGO": 0.929},
}
"""The paper's means over five seeds, with a stronger model and 25 generations of 25."""


def main() -> None:
    """Fill in the missing cells; write table and picture; print a summary as JSON."""
    said = _parser().parse_args()
    cells = _cells(said)
    table = Cells("llego", "method")
    if not said.report:
        table.fill(cells, _measure)
    rows = list(table.rows(cells))
    text = _text(rows)
    print(text)
    if not said.quick:
        (RESULTS / "llego.txt").write_text(text + "\n")
        _picture(rows)
    print(json.dumps({"cells": len(rows), "of": len(cells), **_means(rows)}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="controls on one set, one seed")
    parser.add_argument("--report", action="store_true", help="run nothing, write the table")
    parser.add_argument("--asked", nargs="*", default=list(ASKED), help="sets of the model's rows")
    parser.add_argument("--asked-seeds", type=int, default=3)
    parser.add_argument(
        "--methods", nargs="*", default=["llego", "mix"], choices=["llego", "mix", "rewriting"]
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--depths", type=int, nargs="+", default=[3, 4])
    parser.add_argument("--population", type=int, default=12)
    parser.add_argument("--generations", type=int, default=8)
    return parser


def _cells(said: argparse.Namespace) -> list[Cell]:
    """Return all cells, the quick controls before the rows that ask the model."""
    controls = ("cart", "cart_balanced", "optimal", "random", "classical")
    sets = ["pima"] if said.quick else [*CLASSIFICATION, *REGRESSION]
    depths = [3] if said.quick else said.depths
    seeds = range(1 if said.quick else said.seeds)
    size = {"population": said.population, "generations": said.generations}
    found = [
        {"method": method, "data": data, "depth": depth, "seed": seed, **size}
        for data in sets
        for depth in depths
        for method in controls
        for seed in seeds
        if not (method in ("cart_balanced", "optimal") and data in REGRESSION)
    ]
    if not said.quick:
        found += [
            {"method": method, "data": data, "depth": 3, "seed": seed, **size}
            for seed in range(said.asked_seeds)
            for method in said.methods
            for data in said.asked
        ]
    return found


@cache
def _table(name: str) -> Table:
    return load(name)


@cache
def _model() -> Any:
    return connect()


def _problem(cell: Cell) -> tuple[TreeFitness, Samples]:
    """Return the fitness on training and validation rows, and the test rows."""
    table = _table(cell["data"])
    parts = split(table, cell["seed"])
    train, valid, test = (
        Samples.of(table.X[rows], table.y[rows]) for rows in (parts.train, parts.valid, parts.test)
    )
    objective = ("balanced_accuracy",) if table.classes else ("mse",)
    return TreeFitness(columns_of(table, parts.train), train, valid, objective), test


def _measure(cell: Cell) -> Mapping[str, Any]:
    began = time.perf_counter()
    problem, test = _problem(cell)
    if cell["method"] in ("cart", "cart_balanced"):
        found = _cart(problem, test, cell["depth"], cell["method"] == "cart_balanced")
    elif cell["method"] == "optimal":
        found = _optimal(problem, test, cell["depth"])
    else:
        found = _evolved(problem, test, cell)
    return {**found, "seconds": round(time.perf_counter() - began, 2)}


def _evolved(problem: TreeFitness, test: Samples, cell: Cell) -> dict[str, Any]:
    """Run the search of a cell."""
    table = _table(cell["data"])
    chosen = SHARES[cell["method"]]
    settings = LLEGOSettings(population=cell["population"], max_depth=cell["depth"], **chosen)
    model = _model() if settings.asks else None
    search = LLEGO(problem, settings, model, table.context, described(table))
    result = search.run(Budget(generations=cell["generations"]), seed=cell["seed"])
    best = search.chosen(result)
    curve = best_so_far(result.record)[cell["population"] - 1 :: cell["population"]]
    return {
        "train": _rounded(best.fitness, problem),
        "test": _scored(search.fitted(best).predict(test.X), test, problem),
        "curve": [round(float(value), 4) for value in curve],
        "evaluations": result.usage.evaluations,
        "calls": result.usage.calls,
        "tokens": result.usage.tokens,
        "leaves": problem.leaves,
        **_children(result),
    }


def _children(result: Result[Any]) -> dict[str, Any]:
    """Count what became of a model's answers, and how many children beat their generation."""
    rejected: Counter[str] = Counter()
    for (counts,) in result.record.rows("SELECT rejected FROM jobs WHERE rejected IS NOT NULL"):
        rejected.update(json.loads(counts))
    [(made, copies)] = result.record.rows(
        "SELECT count(*), coalesce(sum(json_extract(note, '$.copy')), 0) FROM candidates"
        " JOIN jobs ON jobs.id = job WHERE step > 0"
    )
    frame = result.dataframe()
    medians = frame.groupby("step")["fitness"].median().cummax().shift(1)
    born = frame[frame["step"] > 0]
    better = float((born["fitness"] > born["step"].map(medians)).mean())
    lost = sum(rejected.values())
    return {
        "valid": round(made / (made + lost), 4) if made + lost else 1.0,
        "copies": int(copies),
        "better": round(better, 4),
        "rejected": dict(rejected),
    }


def _cart(problem: TreeFitness, test: Samples, depth: int, balanced: bool) -> dict[str, Any]:
    """Choose depth and leaf size of a CART on the validation rows."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    classes = bool(problem.columns.classes)
    kind = DecisionTreeClassifier if classes else DecisionTreeRegressor
    assert problem.valid is not None
    best = (-np.inf, 0.0, 0.0)
    for most in range(1, depth + 1):
        for leaf in (1, 2, 5, 10, 20):
            more = {"class_weight": "balanced"} if balanced else {}
            model = kind(max_depth=most, min_samples_leaf=leaf, random_state=0, **more)
            model.fit(problem.train.X, problem.train.y)
            scores = [
                _scored(model.predict(part.X), part, problem)
                for part in (problem.valid, problem.train, test)
            ]
            sign = 1 if classes else -1
            best = max(best, (sign * scores[0], scores[1], scores[2]))
    return {"train": best[1], "test": best[2]}


def _optimal(problem: TreeFitness, test: Samples, depth: int) -> dict[str, Any]:
    """Fit the tree of the best training accuracy, by dynamic programming, within a minute."""
    try:
        from pystreed import STreeDClassifier
    except ImportError:
        raise EvollmError("the optimal tree needs pystreed: pip install '.[optimal]'") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = STreeDClassifier(max_depth=depth, time_limit=60)
        model.fit(problem.train.X.astype(np.float64), problem.train.y.astype(int))
        told = [model.predict(part.X.astype(np.float64)) for part in (problem.train, test)]
    return {
        "train": _scored(told[0], problem.train, problem),
        "test": _scored(told[1], test, problem),
    }


def _scored(told: Any, samples: Samples, problem: TreeFitness) -> float:
    """Return balanced accuracy, or the mean squared error in units of the rows' variance."""
    told = np.asarray(told, dtype=np.float64)
    if problem.columns.classes:
        hits = [np.mean(told[samples.y == label] == label) for label in np.unique(samples.y)]
        return round(float(np.mean(hits)), 4)
    return round(float(np.mean((told - samples.y) ** 2) / np.var(samples.y)), 4)


def _rounded(fitness: float, problem: TreeFitness) -> float:
    variance = 1.0 if problem.columns.classes else -float(np.var(problem.train.y))
    return round(fitness / variance, 4)


Rows = Sequence[tuple[Cell, dict[str, Any]]]


def _grouped(rows: Rows) -> dict[tuple[int, str, str], list[dict[str, Any]]]:
    found: dict[tuple[int, str, str], list[dict[str, Any]]] = {}
    for cell, row in rows:
        found.setdefault((cell["depth"], cell["data"], cell["method"]), []).append(row)
    return found


def _text(rows: Rows) -> str:
    """Write one line a set, depth and method: means and standard deviations over the seeds."""
    head = f"{'depth, data':<24}{'method':<22}{'train':>8}{'test':>8}{'sd':>7}{'runs':>6}"
    head += f"{'s':>8}{'calls':>7}{'tokens':>9}{'valid':>7}{'copies':>8}{'better':>8}"
    lines = [head, "-" * len(head)]
    grouped = _grouped(rows)
    order = [*CLASSIFICATION, *REGRESSION]
    keys = sorted(grouped, key=lambda k: (k[0], order.index(k[1]), list(TITLES).index(k[2])))
    for depth, data, method in keys:
        lines.append(_line(depth, data, method, grouped[depth, data, method]))
        if (depth, data, method) == [k for k in keys if k[:2] == (depth, data)][-1]:
            figures = PAPER.get((depth, data), {})
            told = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
            lines += [f"{'':<24}the paper's: {told}", ""] if told else [""]
    older = any(_title(cell["method"], row).endswith(OLDER) for cell, row in rows)
    return "\n".join([*lines, *[f"{OLDER} {MEANING}"] * older]).rstrip()


def _title(method: str, row: Mapping[str, Any]) -> str:
    """Return what a row is called, with a mark if its search was run under other rules."""
    return TITLES[method] + OLDER * ("evaluations" in row and "leaves" not in row)


def _line(depth: int, data: str, method: str, found: Sequence[Mapping[str, Any]]) -> str:
    def mean(name: str) -> float:
        return float(np.mean([row[name] for row in found]))

    tests = [row["test"] for row in found]
    spread = np.std(tests, ddof=1) if len(tests) > 1 else 0.0
    line = f"{f'{depth}, {data}':<24}{_title(method, found[0]):<22}{mean('train'):>8.3f}"
    line += f"{np.mean(tests):>8.3f}{spread:>7.3f}{len(found):>6}{mean('seconds'):>8.1f}"
    if "evaluations" in found[0]:
        line += f"{mean('calls'):>7.0f}{mean('tokens'):>9.0f}{mean('valid'):>7.0%}"
        line += f"{mean('copies'):>8.0f}{mean('better'):>8.0%}"
    return line


def _means(rows: Rows) -> dict[str, float]:
    """Return each method's mean test score over the sets and seeds that all methods share."""
    keys = {(c["data"], c["seed"]) for c, _ in rows if c["method"] == "llego"}
    if not keys:
        keys = {(c["data"], c["seed"]) for c, _ in rows if c["data"] in CLASSIFICATION}
    found: dict[str, list[float]] = {}
    for cell, row in rows:
        if cell["depth"] == 3 and (cell["data"], cell["seed"]) in keys:
            found.setdefault(cell["method"], []).append(row["test"])
    return {method: round(float(np.mean(scores)), 4) for method, scores in found.items()}


def _picture(rows: Rows) -> None:
    """Draw best fitness against evaluations, mean and spread, of the splits that models saw."""
    panels: dict[str, dict[str, list[Any]]] = {}
    asked = {(cell["data"], cell["seed"]) for cell, _ in rows if cell["method"] == "llego"}
    for cell, row in rows:
        if cell["depth"] == 3 and (cell["data"], cell["seed"]) in asked and "curve" in row:
            panel = panels.setdefault(f"{cell['data']}, depth 3", {})
            curve = np.repeat(np.array(row["curve"]), cell["population"])
            panel.setdefault(_title(cell["method"], row), []).append(curve)
    if panels:
        label = "best balanced accuracy in training"
        plot_efficiency(panels, RESULTS / "llego.png", label)


if __name__ == "__main__":
    main()
