"""EvoLLM and its controls on the 24 BBOB functions: ``python -m tests.benchmarks.studies.bbob``.

Question: what does a small, untaught model add at 100 evaluations, asked the paper's way and asked
for samples in a frame that follows the search? A cell is one run; what is missing is run, the rest
is read from ``results/bbob``. Short contexts: 3 generations of 3 rows. No cell is run twice, and an
interrupted command goes on with the next call.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from evollm.llm.connect import connect
from problems.blackbox import compare
from problems.blackbox.bbob import NAMES
from problems.blackbox.controls import MODELS, TITLES
from tests.benchmarks.studies.cells import RESULTS, Cell, Cells

METHODS = ("random", "hill", "cma", "paper", "framed")
GROUPS = {
    "separable": range(5),
    "moderate": range(5, 9),
    "ill-conditioned": range(9, 14),
    "multimodal": range(14, 19),
    "weakly structured": range(19, 24),
}
QUICK = ("sphere", "rastrigin")


def main() -> None:
    """Fill in the missing cells; write the table; print the summary as JSON."""
    said = _parser().parse_args()
    functions = QUICK if said.quick else NAMES
    dimensions = [2] if said.quick else said.dimensions
    keys = product(range(said.seeds), dimensions, functions, METHODS)
    cells = [
        {"method": method, "function": function, "dimension": dimension, "seed": seed,
         "evaluations": said.evaluations}
        for seed, dimension, function, method in keys
    ]  # fmt: skip
    table = Cells("bbob", "method")
    if not said.report:
        table.fill(cells, _measure, said.workers)
    rows = list(table.rows(cells))
    if not said.quick:
        (RESULTS / "bbob.txt").write_text(_text(rows) + "\n")
    print(_summary(rows))
    print(json.dumps({"cells": len(rows), "of": len(cells), "better_than_random": _wins(rows)}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two functions of two dimensions")
    parser.add_argument("--report", action="store_true", help="run nothing, write the table")
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3, help="seed s is BBOB's instance s + 1")
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 5])
    parser.add_argument("--workers", type=int, default=3, help="runs that share the model")
    return parser


@cache
def _model() -> Any:
    return connect()


def _measure(cell: Cell) -> Mapping[str, Any]:
    """Run one cell; keep every tenth point of its curve."""
    row = compare.measure(compare.Cell(**cell), _model)
    return {
        "gaps": [float(f"{gap:.4g}") for gap in row.gaps[9::10]],
        "calls": row.calls,
        "tokens": row.tokens,
        "seconds": round(row.seconds, 2),
        "fallbacks": round(row.fallbacks, 4),
    }


Rows = Sequence[tuple[Cell, dict[str, Any]]]


def _text(rows: Rows) -> str:
    """Write one line a problem and method, medians and range over the instances."""
    measured = [
        compare.Row(
            compare.Cell(**cell), np.array(found["gaps"]), found["tokens"], found["calls"],
            found["seconds"], found["fallbacks"],
        )
        for cell, found in sorted(rows, key=lambda row: _order(row[0]))
    ]  # fmt: skip
    return compare.table(measured)


def _order(cell: Cell) -> tuple[int, int, int, int]:
    method = METHODS.index(cell["method"])
    return (cell["dimension"], NAMES.index(cell["function"]), method, cell["seed"])


def _finals(rows: Rows) -> dict[tuple[int, str, int], dict[str, float]]:
    """Return the last gap of every method by dimension, function and seed, where all have one."""
    found: dict[tuple[int, str, int], dict[str, float]] = {}
    for cell, row in rows:
        key = (cell["dimension"], cell["function"], cell["seed"])
        found.setdefault(key, {})[cell["method"]] = row["gaps"][-1]
    return {key: gaps for key, gaps in found.items() if len(gaps) == len(METHODS)}


def _wins(rows: Rows) -> dict[str, float]:
    """Return in which share of the runs a method ends below random search, ties as half."""
    finals = list(_finals(rows).values())
    return {
        method: round(float(np.mean([_beats(one[method], one["random"]) for one in finals])), 3)
        for method in METHODS[1:]
        if finals
    }


def _beats(one: float, other: float) -> float:
    return 0.5 if one == other else float(one < other)


def _summary(rows: Rows) -> str:
    """Write each method's mean rank by dimension and group of functions, 1 the best of five."""
    finals = _finals(rows)
    head = "dimension, functions".ljust(30) + "".join(TITLES[m][:28].rjust(30) for m in METHODS)
    lines = [head]
    for dimension in sorted({key[0] for key in finals}):
        for group, numbers in {"all": range(24), **GROUPS}.items():
            names = {NAMES[number] for number in numbers}
            chosen = [g for (d, f, _), g in finals.items() if d == dimension and f in names]
            if chosen:
                ranks = np.mean([_ranks(gaps) for gaps in chosen], axis=0)
                label = f"{dimension}-d, {group} ({len(chosen)} runs)"
                lines.append(label.ljust(30) + "".join(f"{rank:.2f}".rjust(30) for rank in ranks))
    for method in MODELS:
        own = [found for cell, found in rows if cell["method"] == method]
        if own:
            means = {k: np.mean([f[k] for f in own]) for k in ("calls", "tokens", "fallbacks")}
            lines.append(
                f"{TITLES[method]}: {means['calls']:.0f} calls and {means['tokens']:.0f} tokens a "
                f"run, {means['fallbacks']:.1%} fall-backs"
            )
    return "\n".join(lines)


def _ranks(gaps: Mapping[str, float]) -> list[float]:
    values = [gaps[method] for method in METHODS]
    return [
        sum(other < value for other in values) + (1 + values.count(value)) / 2 for value in values
    ]


if __name__ == "__main__":
    main()
