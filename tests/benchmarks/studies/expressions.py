"""Symbolic regression beside DEAP and gplearn: ``python -m tests.benchmarks.studies.expressions``.

Question: how well do published functions come back at 2,000 evaluations, from our search and from
others with the same functions, numbers, population and tournament; and what does a small, untaught
model add at 60? All see the same rows of a seed, and are scored on its test rows. A cell is one
run; what is missing is run, the rest is read from ``results/expressions``. Times are those of the
processor in this process, as medians of ratios to our search on the same rows; for the model, which
another process runs, calls are counted instead. An expression that is not finite in a test row has
an infinite error.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np

from evollm.report.cells import Cell, Found, Row
from evollm.report.study import Axis, Study
from evollm.report.tables import Column, grouped, markdown, median
from evollm.runtime.budget import Budget
from problems.expressions.benchmarks import benchmark
from problems.expressions.fitness import Rows
from problems.expressions.settings import ExpressionSettings
from problems.expressions.system import SymbolicRegression
from tests.benchmarks.studies import RESULTS
from tests.benchmarks.studies.expression_opponents import by_deap, by_gplearn

SETTINGS = ExpressionSettings(population=100, functions="add,sub,mul,div,sin,cos,exp,log,sqrt")
OURS: Mapping[str, ExpressionSettings] = {
    "ours": SETTINGS,
    "unscaled": replace(SETTINGS, scaling=False),
    "random": replace(SETTINGS, operators="random"),
    "model": replace(SETTINGS, operators="model", population=20),
    "mix": replace(SETTINGS, operators="mix", population=20),
    "small": replace(SETTINGS, population=20),
}
OTHERS = {"deap": by_deap, "gplearn": by_gplearn}
TITLES = {
    "ours": "classical operators, linear scaling",
    "unscaled": "classical operators, no scaling",
    "random": "random expressions, linear scaling",
    "deap": "DEAP's eaSimple",
    "gplearn": "gplearn",
    "small": "classical operators, population 20",
    "model": "offline model, population 20",
    "mix": "model and classical, population 20",
}
FUNCTIONS = (
    "nguyen-1",
    "nguyen-5",
    "nguyen-9",
    "keijzer-6",
    "keijzer-14",
    "feynman-i.14.4",
    "feynman-i.18.12",
    "feynman-i.27.6",
)
MANY, FEW = 2000, 60
_ASKED = ("small", "random", "model", "mix")
SOLVED = 0.999
"""The test R2 above which a function counts as solved, as in SRBench (La Cava et al.: Contemporary
Symbolic Regression Methods and their Relative Performance, 2021)."""


def applies(cell: Cell) -> bool:
    """Return whether a cell is in the study: the model's with few evaluations and functions."""
    if cell["evaluations"] == FEW:
        return (
            cell["method"] in _ASKED
            and cell["function"] in ("nguyen-1", "feynman-i.14.4")
            and cell["seed"] < 3
        )
    return cell["method"] not in ("small", "model", "mix")


def measure(cell: Cell) -> Found:
    """Run one cell."""
    train, test = benchmark(cell["function"]).rows(cell["seed"])
    method, evaluations, seed = cell["method"], cell["evaluations"], cell["seed"]
    began = time.process_time()
    if method in OTHERS:
        predict, count, size = OTHERS[method](train, SETTINGS, evaluations, seed)
        more: dict[str, Any] = {}
    else:
        system = SymbolicRegression.of(train.X, train.y, OURS[method])
        result = system.run(Budget(evaluations=evaluations), seed=seed)
        formula = system.formula(system.choose(result))
        predict, count, size = formula.predict, result.usage.evaluations, len(formula.genome)
        more = {"calls": result.usage.calls, "fallbacks": result.fallback_share}
    seconds = time.process_time() - began
    nrmse = _nrmse(predict(test.X), test)
    solved = 1 - nrmse**2 > SOLVED
    kept = nrmse if isfinite(nrmse) else None
    found = {"nrmse": kept, "solved": float(solved), "size": size, "evaluations": count}
    return {**found, "seconds": seconds, **more}


def _nrmse(prediction: Any, rows: Rows) -> float:
    """Return the error on test rows; infinite if a prediction is not finite."""
    rest = rows.y - prediction
    error = sqrt(float(np.mean(rest * rest))) / float(rows.y.std())
    return error if isfinite(error) else inf


def _error(row: Row) -> float:
    value = row.found["nrmse"]
    return inf if value is None else float(value)


def summary(rows: Sequence[Row]) -> str:
    """Write per method the share of solved functions, the mean rank, and the time ratio."""
    parts = []
    for (evaluations,), group in grouped(rows, ("evaluations",)).items():
        runs: dict[tuple[str, int], dict[str, Row]] = {}
        for row in group:
            runs.setdefault((row.cell["function"], row.cell["seed"]), {})[row.cell["method"]] = row
        methods = [name for name in TITLES if any(name in run for run in runs.values())]
        whole = [run for run in runs.values() if len(run) == len(methods)]
        if whole:
            lines = [_line(name, whole, methods) for name in methods]
            title = f"{len(whole)} runs of {evaluations} evaluations"
            head = [title, "solved", "mean rank", "median test R2", "size", "time", "calls"]
            parts.append(markdown(head, lines))
    return "\n\n".join(parts)


def _line(name: str, runs: Sequence[Mapping[str, Row]], methods: Sequence[str]) -> list[str]:
    own = [run[name] for run in runs]
    errors = np.array([[_error(run[method]) for method in methods] for run in runs])
    mine = errors[:, [methods.index(name)]]
    ranks = 0.5 + (errors < mine).sum(axis=1) + (errors == mine).sum(axis=1) / 2
    base = next((one for one in ("ours", "small") if one in methods), methods[0])
    times = [run[name].found["seconds"] / run[base].found["seconds"] for run in runs]
    calls = float(np.mean([row.found.get("calls", 0) for row in own]))
    return [
        TITLES[name],
        f"{np.mean([row.found['solved'] for row in own]):.0%}",
        f"{ranks.mean():.2f}",
        f"{np.median(1 - mine**2):.5f}",
        f"{np.mean([row.found['size'] for row in own]):.0f}",
        "-" if calls else f"{np.median(times):.2f}",
        f"{calls:.0f}" if calls else "-",
    ]


def solved(rows: Sequence[Row]) -> dict[str, float]:
    """Return the share of runs solved by method, at the larger budget."""
    many = [row for row in rows if row.cell["evaluations"] == MANY]
    return {
        method: round(float(np.mean([row.found["solved"] for row in group])), 3)
        for (method,), group in grouped(many, ("method",)).items()
    }


STUDY = Study(
    "expressions",
    {
        "method": Axis(tuple(TITLES), titles=TITLES),
        "function": Axis(FUNCTIONS, quick=("nguyen-1", "feynman-i.14.4")),
        "evaluations": Axis((MANY, FEW), quick=(MANY,)),
        "seed": Axis(range(5), quick=range(2)),
    },
    measure,
    (
        Column("solved", "solved", form=".0%"),
        Column("median test R2", lambda row: 1 - _error(row) ** 2, median, ".5f"),
        Column("median test NRMSE", _error, median, ".2g"),
        Column("size", "size", form=".0f"),
    ),
    folder=RESULTS,
    applies=applies,
    summary=summary,
    closing=lambda rows: {"solved": solved(rows)},
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(STUDY.main())
