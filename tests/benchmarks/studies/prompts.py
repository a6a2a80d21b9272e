"""PromptQuine beside its controls: ``python -m tests.benchmarks.studies.prompts``.

Question: does a prompt that evolution pruned answer better than the unpruned one, than random
prunings and than greedy pruning, at as many scored prompts? Each seed draws its own demonstrations,
one per class, and seeds the search. The search sees 32 examples, two of the methods choose among
their best on 200 more, and 200 others test what was chosen. A cell is one run; what is missing is
run, the rest is read from ``results/prompts``. The core: four methods, 150 scored prompts for
``rt2`` and 60 for two other tasks, three seeds; other methods, models and sizes by the options.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from evollm import Budget
from evollm.report.cells import Cell, Found, Row
from evollm.report.curves import best_so_far
from evollm.report.study import Axis, Curve, Study
from evollm.report.tables import RUNS, Column, spread
from problems.lm.settings import LMSettings
from problems.prompts.data.builtin import load
from problems.prompts.data.splits import balanced
from problems.prompts.data.task import Task
from problems.prompts.methods.baselines import LeaveOneOut, RandomPruning, Unpruned
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.greedy import Steepest, TAPruning
from problems.prompts.methods.method import Method
from problems.prompts.present.difference import Difference
from problems.prompts.pruned import Pruned
from problems.prompts.system import PromptQuine
from tests.benchmarks.studies import RESULTS

SCORED = {"rt2": 150}
OTHERS_SCORED = 60
TESTED = 200
SMALL = {"population": 10, "offspring": 20}
"""With 150 scored prompts the paper's 30 and 50 would be three generations."""
METHODS: Mapping[str, Method] = {
    "unpruned": Unpruned(),
    "random": RandomPruning(),
    "ta": TAPruning(0.96),
    "quine": Evolution(**SMALL),
    "steady": Evolution(**SMALL, form="steady"),
    "window": Evolution(**SMALL, survival="window"),
    "paper": Evolution(),
    "ta1": TAPruning(1.0),
    "strict": TAPruning(strict=True),
    "steepest": Steepest(),
    "loo": LeaveOneOut(),
}
TITLES = {
    "unpruned": "unpruned",
    "random": "random pruning",
    "ta": "TAPruning 0.96",
    "quine": "PromptQuine",
    "steady": "PromptQuine, steady",
    "window": "PromptQuine, window",
    "paper": "PromptQuine, 30 and 50",
    "ta1": "TAPruning 1",
    "strict": "strict TAPruning",
    "steepest": "steepest ascent",
    "loo": "leave one out",
}
PAPER = {"unpruned": 69.6, "ta": 74.8, "quine": 77.5}
"""The paper's means over seven classification tasks, one shot, Llama-3-8B-Instruct, in percent."""


@cache
def _task(name: str) -> Task:
    """Return a task with fewer test examples, as many of each class."""
    task = load(name)
    classes = len(task.labels) or 1
    test = balanced(task.splits.test, TESTED // classes)
    return task.with_splits(replace(task.splits, test=test))


def measure(cell: Cell) -> Found:
    """Run one cell."""
    began = time.perf_counter()
    system = PromptQuine(
        None if cell["model"] == "offline" else cell["model"],
        task=_task(cell["task"]),
        method=METHODS[cell["method"]],
        demonstrations=cell["seed"],
        mode=cell["mode"],
        lm=LMSettings(dtype=cell["dtype"]),
    )
    scored = cell["scored"] or SCORED.get(cell["task"], OTHERS_SCORED)
    result = system.run(Budget(evaluations=scored), seed=cell["seed"])
    found = system.pruned(result)
    return {
        **_scores(found),
        "curve": [round(float(value), 3) for value in best_so_far(result.record)],
        "length": int(found.mask.sum()),
        "tokens_kept": len(found.ids),
        "tokens_before": len(system.problem.prompt.ids),
        "text": found.text,
        "scored": result.usage.evaluations,
        "tokens": result.usage.cost,
        "stopped": result.stopped,
        "seconds": round(time.perf_counter() - began, 1),
    }


def _scores(found: Pruned) -> dict[str, Any]:
    """Return accuracy on each set, the search reward, and the paired difference on the test set."""
    pruned = found.scores["test"]["accuracy"]
    whole = found.unpruned["test"]["accuracy"]
    gained = Difference.of(whole.values, pruned.values)
    return {
        "test": round(pruned.mean, 4),
        "unpruned": round(whole.mean, 4),
        "select": round(found.scores["select"]["accuracy"].mean, 4),
        "reward": round(found.prunings[-1].fitness, 3),
        "difference": round(gained.mean, 4),
        "low": round(gained.low, 4),
        "high": round(gained.high, 4),
        "right": "".join(str(int(value)) for value in pruned.values),
    }


def paper(row: Row) -> Any:
    """Return the paper's mean over its tasks, for its methods."""
    figure = PAPER.get(row.cell["method"])
    return None if figure is None else figure / 100


COLUMNS = (
    Column("test", "test", form=".3f"),
    Column("sd", "test", spread, ".3f"),
    RUNS,
    Column("difference", "difference", form="+.3f"),
    Column("from", "low", form="+.3f"),
    Column("to", "high", form="+.3f"),
    Column("select", "select", form=".3f"),
    Column("reward", "reward", form=".1f"),
    Column("tokens kept", "tokens_kept", form=".0f"),
    Column("of", "tokens_before", form=".0f"),
    Column("scored prompts", "scored", form=".0f"),
    Column("tokens", "tokens", form=",.0f"),
    Column("seconds", "seconds", form=".0f"),
    Column("paper's mean", paper, form=".3f"),
)


def summary(rows: Sequence[Row]) -> str:
    """Say what the columns are."""
    return (
        "test: accuracy on 200 examples, mean over seeds; difference: to the unpruned prompt on "
        "the same examples, from and to: the 95% bootstrap interval over test examples, averaged "
        "over the seeds. The paper's means are those of Llama-3-8B-Instruct over seven other tasks."
    )


def means(rows: Sequence[Row]) -> dict[str, float]:
    """Return each method's mean difference to the unpruned prompt."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.cell["method"], []).append(row.found["difference"])
    return {name: round(float(np.mean(values)), 4) for name, values in found.items()}


STUDY = Study(
    "prompts",
    {
        "task": Axis(("rt2", "tweet3", "rt-pair"), quick=("rt2",), extra=("imdb2-long",)),
        "method": Axis(
            ("unpruned", "random", "ta", "quine"),
            extra=tuple(
                name for name in METHODS if name not in ("unpruned", "random", "ta", "quine")
            ),
            titles=TITLES,
        ),
        "seed": Axis(range(3), quick=range(1)),
        "scored": Axis((0,), quick=(10,), extra=(1000, 10_000), titles={0: "as the task says"}),
        "mode": Axis(("text",), extra=("ids", "text_cleaned")),
        "model": Axis(("offline",)),
        "dtype": Axis(("auto",), extra=("float32", "bfloat16", "float16")),
    },
    measure,
    COLUMNS,
    folder=RESULTS,
    curve=Curve("curve", "mean reward on the search examples"),
    summary=summary,
    closing=means,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(STUDY.main())
