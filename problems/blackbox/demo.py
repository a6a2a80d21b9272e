"""The demonstration of ``make demo``: EvoLLM beside its baselines, with the offline model."""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from evollm.errors import EvollmError
from evollm.executors.cluster import Ray
from evollm.llm.base import LanguageModel
from evollm.llm.connect import connect
from evollm.paths import anchored
from evollm.report.plots import plot_methods
from problems.blackbox.compare import Cell, Row, curves, measure, table
from problems.blackbox.controls import TITLES

METHODS = ("random", "hill", "cma", "paper", "framed")
FUNCTIONS = ("sphere", "rastrigin")
DIMENSIONS = (2, 5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all cells, print the table, leave a run directory with a plot."""
    said = _parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("evollm").setLevel(logging.INFO)
    folder = anchored(said.path or Path("runs") / f"demo-{time.strftime('%Y%m%d-%H%M%S')}")
    cells = [
        Cell(method, function, dimension, seed, said.evaluations)
        for function in FUNCTIONS
        for dimension in DIMENSIONS
        for method in METHODS
        for seed in range(said.seeds)
    ]
    try:
        report(_run(cells, folder, said.workers), folder, said.evaluations)
    except EvollmError as error:
        print(f"evollm: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; go on with: --path {folder}", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("demo", description=__doc__)
    parser.add_argument("--evaluations", type=int, default=60, help="of each run (default: 60)")
    parser.add_argument("--seeds", type=int, default=3, help="runs a method (default: 3)")
    parser.add_argument("--workers", type=int, default=1, help="Ray replicas (default: 1)")
    parser.add_argument("--path", type=Path, help="a run directory to go on with")
    return parser


def _run(cells: Sequence[Cell], folder: Path, workers: int) -> list[Row]:
    """Run the cells one after the other on the same Ray workers."""
    model = cache(_model)
    print(f"{len(cells)} runs on Ray workers, recorded in {folder}", file=sys.stderr)
    rows = []
    with Ray(workers) as executor:
        for number, cell in enumerate(cells, 1):
            what = f"{cell.problem}: {TITLES[cell.method]}, seed {cell.seed}"
            print(f"[{number}/{len(cells)}] {what}", file=sys.stderr)
            path = folder / cell.name
            rows.append(measure(cell, model, executor=executor, path=path, display=True))
    return rows


def _model() -> LanguageModel:
    return connect()


def report(rows: Sequence[Row], folder: Path, evaluations: int) -> None:
    """Print the table, and leave it in the run directory with a plot of the same figures."""
    text = table(rows)
    title = f"Best value above the optimum after {evaluations} evaluations"
    note = (
        "The paper's way is EvoLLM-style: the model gives the mean of the next generation, in a\n"
        "frame of the whole box; its numbers are ours. Framed samples are ours. Every seed is\n"
        "another instance of the function, the same for all methods. The model is a small one."
    )
    (folder / "table.txt").write_text(f"{title}\n\n{text}\n\n{note}\n")
    plot_methods(curves(rows), folder / "demo.png", "best value above the optimum")
    print(f"\n{title}\n\n{text}\n\n{note}\n\nplot and records: {folder}")


if __name__ == "__main__":
    sys.exit(main())
