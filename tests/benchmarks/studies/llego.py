"""LLEGO beside its controls on tables: ``python -m tests.benchmarks.studies.llego``.

Question: what does a small model add to the evolution of decision trees, untaught or taught on
made-up tables, and what do the same search with classical operators, random trees at as many
evaluations, a tuned CART, one with balanced weights and an optimal tree get? The paper's splits
(20% to train, 40% to choose, 40% to test), seeds from 0. Trees evolve on the training rows, start
from CARTs, and the tree that is reported is the best on the validation rows. A cell is one run;
what is missing is run, the rest is read from ``results/llego``. The core: the model's rows on three
sets, depth 3, three seeds, 8 generations of 12; the other rows on all sets, depths 3 and 4, five
seeds.
"""

import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from evollm import Budget, EvollmError, Result
from evollm.llm.base import LanguageModel
from evollm.llm.connect import connect
from evollm.report.cells import Cell, Found, Row
from evollm.report.curves import best_so_far
from evollm.report.study import Axis, Curve, Study
from evollm.report.tables import RUNS, Column, grouped, mean, spread, table
from evollm.store import rows
from problems.trees.data.samples import Samples
from problems.trees.data.tables import Table, load, split
from problems.trees.llego import SHARES, LLEGOSettings
from problems.trees.model.fitness import TreeFitness
from problems.trees.prompt_words import columns_of, described
from problems.trees.system import LLEGO
from problems.trees.taught.adapters import FILE, TAUGHT
from tests.benchmarks.studies import RESULTS, adapters

ASKED, ASKED_SEEDS = ("pima", "heart", "wisconsin"), 3
CLASSIFICATION = (
    *ASKED, "german", "vehicle", "bupa", "saheart", "mammographic", "breast_recurrence",
)  # fmt: skip
REGRESSION = ("diabetes_progression", "wine_quality", "wages", "cars")


@cache
def _table(name: str) -> Table:
    return load(name)


def problem_of(cell: Cell) -> tuple[TreeFitness, Samples]:
    """Return the fitness on a cell's training and validation rows, and the test rows."""
    table = _table(cell["data"])
    parts = split(table, cell["seed"])
    train, valid, test = (
        Samples.of(table.X[rows], table.y[rows]) for rows in (parts.train, parts.valid, parts.test)
    )
    objective = ("balanced_accuracy",) if table.classes else ("mse",)
    return TreeFitness(columns_of(table, parts.train), train, valid, objective), test


Ask = Callable[[], LanguageModel]
PACKAGED: Ask = partial(adapters.connected, FILE, None, "float32")
"""Connects to the offline model with the adapter of the package."""
TAUGHT_AS = {"taught": "llego", "taught_mix": "mix"}
"""The methods with a taught model, and how they share the children."""


def _evolved(
    problem: TreeFitness,
    test: Samples,
    cell: Cell,
    asked: Ask = connect,
) -> dict[str, Any]:
    """Run the search of a cell."""
    table, name = _table(cell["data"]), cell["method"]
    chosen: dict[str, Any] = dict(SHARES[TAUGHT_AS.get(name, name)])
    if name in TAUGHT_AS:
        chosen |= TAUGHT
    settings = LLEGOSettings(population=cell["population"], max_depth=cell["depth"], **chosen)
    model = asked() if settings.asks else None
    search = LLEGO(problem, settings, model, table.context, described(table))
    result = search.run(Budget(generations=cell["generations"]), seed=cell["seed"])
    best = search.choose(result)
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
    rejected = rows.rejections(result.record)
    born_notes = [one.note for one in rows.evaluations(result.record) if one.step > 0 and one.note]
    made = len(born_notes)
    copies = sum(note.get("copy", 0) for note in born_notes if isinstance(note, dict))
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


def _balanced(problem: TreeFitness, test: Samples, cell: Cell) -> dict[str, Any]:
    """Choose a CART whose classes weigh the same."""
    return _cart(problem, test, cell, balanced=True)


def _cart(
    problem: TreeFitness, test: Samples, cell: Cell, balanced: bool = False
) -> dict[str, Any]:
    """Choose depth and leaf size of a CART on the validation rows."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    classes = bool(problem.columns.classes)
    kind = DecisionTreeClassifier if classes else DecisionTreeRegressor
    assert problem.valid is not None
    best = (-np.inf, 0.0, 0.0)
    for most in range(1, cell["depth"] + 1):
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


def _optimal(problem: TreeFitness, test: Samples, cell: Cell) -> dict[str, Any]:
    """Fit the tree of the best training accuracy, by dynamic programming, within a minute."""
    try:
        from pystreed import STreeDClassifier
    except ImportError:
        raise EvollmError("the optimal tree needs pystreed: pip install '.[optimal]'") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = STreeDClassifier(max_depth=cell["depth"], time_limit=60)
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


class Method(NamedTuple):
    """A line of the table; a change of what it does takes a higher version."""

    title: str
    measure: Callable[..., Found]
    asks: bool = False
    paper: str = ""
    version: int = 1


METHODS = {
    "cart": Method("CART, tuned", _cart, paper="CART", version=2),
    "cart_balanced": Method("CART, tuned, balanced", _balanced),
    "optimal": Method("optimal tree", _optimal),
    "random": Method("random trees", _evolved, version=3),
    "classical": Method("classical operators", _evolved, paper="GATree", version=3),
    "mix": Method("model and classical", _evolved, asks=True, version=3),
    "rewriting": Method("model, one subtree", _evolved, asks=True, version=3),
    "llego": Method("LLEGO, offline model", _evolved, asks=True, paper="LLEGO", version=3),
    "taught": Method("LLEGO, taught model", _evolved, asks=True, version=2),
    "taught_mix": Method("taught model and classical", _evolved, asks=True, version=2),
}
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


def measure(cell: Cell, taught: Ask = PACKAGED, untaught: Ask = connect) -> Found:
    """Run one cell.

    Args:
        cell: Method, data, depth, seed, population and generations.
        taught: Connects to the taught model.
        untaught: Connects to the untaught one.
    """
    began, method = time.perf_counter(), METHODS[cell["method"]]
    asked = taught if cell["method"] in TAUGHT_AS else untaught
    more = {"asked": asked} if method.asks else {}
    found = method.measure(*problem_of(cell), cell, **more)
    return {**found, "seconds": round(time.perf_counter() - began, 2)}


def applies(cell: Cell) -> bool:
    """Say whether a cell is part of the table: the model's only where all methods have one."""
    return exists(cell) and (shared(cell) or not METHODS[cell["method"]].asks)


def exists(cell: Cell) -> bool:
    """Say whether a cell can be run: two methods are for classes alone."""
    return not (cell["method"] in ("cart_balanced", "optimal") and cell["data"] in REGRESSION)


def shared(cell: Cell) -> bool:
    """Say whether a cell is on a split that all methods have."""
    return cell["data"] in ASKED and cell["depth"] == 3 and cell["seed"] < ASKED_SEEDS


def paper(row: Row) -> Any:
    """Return the paper's figure for the test score of a row."""
    figures = PAPER.get((row.cell["depth"], row.cell["data"]), {})
    return figures.get(METHODS[row.cell["method"]].paper)


def best_found(row: Row) -> Any:
    """Return the best training score of a search for classes, at whatever validation score."""
    curve = row.found.get("curve")
    return None if curve is None or row.cell["data"] in REGRESSION else curve[-1]


def improved(row: Row) -> Any:
    """Return whether a search found a better tree in training than those that it began with."""
    curve = row.found.get("curve")
    return None if curve is None else float(curve[-1] > curve[0])


TEST = Column("test", "test", form=".3f")
COLUMNS = (
    TEST,
    Column("sd", "test", spread, ".3f"),
    RUNS,
    Column("paper's test", paper, form=".3f"),
    Column("train", "train", form=".3f"),
    Column("best", best_found, form=".3f"),
    Column("improved", improved, form=".0%"),
    Column("seconds", "seconds", form=".1f"),
    Column("calls", "calls", form=",.0f"),
    Column("tokens", "tokens", form=",.0f"),
    Column("valid", "valid", form=".0%"),
    Column("copies", "copies", form=".0f"),
    Column("better", "better", form=".0%"),
)
TITLES = {name: method.title for name, method in METHODS.items()}


def summary(rows: Sequence[Row]) -> str:
    """Write the table of the shared splits, and test means beside the paper's."""
    own = [row for row in rows if shared(row.cell)]
    part = table(own, ("data", "method"), COLUMNS, {"method": TITLES})
    controls = [name for name, method in METHODS.items() if not method.asks]
    columns = [Column(TITLES[name], _of(name), form=".3f") for name in controls]
    papers = ("CART", "GATree", "LLEGO")
    columns += [Column(f"paper's {name}", _papers(name), form=".3f") for name in papers]
    whole = table(rows, ("depth", "data"), columns)
    return f"splits that all methods share, depth 3\n\n{part}\n\ntest means\n\n{whole}"


def _of(method: str) -> Callable[[Row], Any]:
    return lambda row: row.found["test"] if row.cell["method"] == method else None


def _papers(name: str) -> Callable[[Row], Any]:
    return lambda row: PAPER.get((row.cell["depth"], row.cell["data"]), {}).get(name)


def means(rows: Sequence[Row]) -> dict[str, float]:
    """Return each method's mean test score over the splits that all methods share."""
    found = grouped([row for row in rows if shared(row.cell)], ("method",))
    return {name: round(mean([r.found["test"] for r in own]), 4) for (name,), own in found.items()}


STUDY = Study(
    "llego",
    {
        "depth": Axis((3, 4), quick=(3,), titles={3: "depth 3", 4: "depth 4"}),
        "data": Axis((*CLASSIFICATION, *REGRESSION), quick=("pima",)),
        "method": Axis(
            [name for name in METHODS if name != "rewriting"],
            quick=("cart", "cart_balanced", "optimal", "random", "classical"),
            extra=("rewriting",),
            titles=TITLES,
            versions={name: method.version for name, method in METHODS.items()},
        ),
        "seed": Axis(range(5), quick=range(1)),
        "population": Axis((12,)),
        "generations": Axis((8,)),
    },
    measure,
    COLUMNS,
    folder=RESULTS,
    applies=applies,
    curve=Curve(
        "curve",
        "balanced accuracy in training",
        every=lambda cell: cell["population"],
        shown=shared,
    ),
    summary=summary,
    closing=means,
    about=__doc__,
)


def main() -> int:
    """Run the study; with ``--everywhere`` the model is asked on all splits of the options."""
    parser = STUDY.parser()
    text = "ask the model on all chosen sets, depths and seeds (days with the offline model)"
    parser.add_argument("--everywhere", action="store_true", help=text)
    adapters.add(parser)
    parser.set_defaults(adapter=FILE)
    said = parser.parse_args()
    where = exists if said.everywhere else applies
    taught = partial(adapters.connected, said.adapter, said.device, said.dtype)
    run = partial(measure, taught=taught, untaught=adapters.untaught(said))
    return replace(STUDY, applies=where, measure=run).go(said)


if __name__ == "__main__":
    sys.exit(main())
