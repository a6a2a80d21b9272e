"""The demonstration of ``make demo``: EvoLLM with the offline model, and its baselines."""

import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from evollm import Budget, EvollmError, run
from evollm.executors.base import Executor
from evollm.executors.cluster import Ray
from evollm.llm.base import LanguageModel
from evollm.llm.connect import OFFLINE, connect
from evollm.report.cells import Cell, Found, Row
from evollm.report.curves import best_so_far
from evollm.report.progress import Progress
from evollm.report.study import Axis, Curve, Study
from evollm.report.tables import RUNS, Column, median
from problems.blackbox.bbob import bbob
from problems.blackbox.controls import MODELS, TITLES, strategy_of
from problems.blackbox.taught.adapters import DEFAULT, taught

METHODS = Axis(
    ("random", "hill", "cma", "paper", "framed", "taught"),
    titles=TITLES,
    versions={"hill": 2, "taught": 4},
)
model = cache(connect)
"""The model shared by all cells; the first call connects."""

NOTE = """\
Value above the optimum; every seed is another instance of the function, the same for all methods.
The paper's way is EvoLLM-style: the model gives the mean of the next generation, in a frame of the
whole box; its numbers are ours. Framed samples are ours. The model is a small one; taught means
with the adapter that comes with the package, untaught without it."""


def measure(
    cell: Cell,
    connect: Callable[[], LanguageModel] = model,
    executor: Executor | None = None,
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Found:
    """Run a method on a BBOB function; the seed also chooses BBOB's instance.

    Args:
        cell: ``method``, ``function``, ``dimension``, ``seed`` and ``evaluations``.
        connect: Returns the model; called only if the method needs one.
        executor: Where the function is evaluated; by default in this thread.
        folder: Folder for a run directory per cell, with a progress display; None for neither.
        settings: Of the method, if different from the defaults.

    Returns:
        ``gaps``, the best values above the optimum, one per evaluation; ``calls``, ``tokens``,
        ``seconds``, and ``fallbacks``, the share of the children made by a stand-in.

    Raises:
        EvollmError: If the model can't be used.
        KeyboardInterrupt: If the run was interrupted.
    """
    problem, space, optimum = bbob(cell["function"], cell["dimension"], cell["seed"] + 1)
    strategy: Any = strategy_of(cell["method"], settings)
    if cell["method"] == "taught" and connect is model:
        connect = partial(model, OFFLINE)  # whatever EVOLLM_MODEL names for the other rows
    asked = connect() if cell["method"] in MODELS else None
    if cell["method"] == "taught":
        strategy, asked = taught(strategy, asked, DEFAULT, len(space))
    progress = Progress(lambda fitness: f"{-fitness - optimum:.4g} above the optimum")
    result = run(
        strategy.flow(asked, space, (), cell["seed"]),
        problem,
        budget=Budget(evaluations=cell["evaluations"]),
        executor=executor,
        path=folder and folder / "-".join(map(str, cell.values())),
        callbacks=[progress] if folder else [],
    )
    if result.stopped == "interrupted":
        raise KeyboardInterrupt
    gaps = np.maximum(-best_so_far(result.record) - optimum, 0.0)
    return {
        "gaps": [float(f"{gap:.6g}") for gap in gaps],
        "calls": result.usage.calls,
        "tokens": result.usage.tokens,
        "seconds": round(result.usage.seconds, 2),
        "fallbacks": round(result.fallback_share, 4),
    }


def _last(row: Row) -> Any:
    return row.found["gaps"][-1]


def asked(name: str) -> Callable[[Row], Any]:
    """Return a column's value function, which is None for rows without a model."""
    return lambda row: row.found[name] if row.found["calls"] else None


COLUMNS = (
    Column("median", _last, median),
    Column("best", _last, min),
    Column("worst", _last, max),
    RUNS,
    Column("calls", asked("calls"), form=".0f"),
    Column("tokens", asked("tokens"), form=".0f"),
    Column("fall-backs", asked("fallbacks"), form=".0%"),
)
STUDY = Study(
    "demo",
    {
        "function": Axis(("sphere", "rastrigin")),
        "dimension": Axis((2, 5), quick=(2,), titles={2: "2-d", 5: "5-d"}),
        "method": METHODS,
        "seed": Axis(range(3), quick=range(1)),
        "evaluations": Axis((60,), quick=(20,)),
    },
    measure,
    COLUMNS,
    curve=Curve("gaps", "best value above the optimum", first=10),
    summary=lambda rows: NOTE,
    jobs=None,  # the cells use the workers one after the other
    about=__doc__,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all cells on the same Ray workers, with records in the results folder."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("evollm").setLevel(logging.INFO)
    parser = STUDY.parser()
    parser.add_argument("--workers", type=int, default=1, help="Ray replicas (1)")
    parser.set_defaults(path=Path("runs") / f"demo-{time.strftime('%Y%m%d-%H%M%S')}")
    options = parser.parse_args(arguments)
    try:
        with Ray(options.workers) as executor:
            study = replace(STUDY, measure=partial(measure, executor=executor, folder=options.path))
            status = study.go(options)
    except EvollmError as error:
        print(f"evollm: {error}", file=sys.stderr)
        return 1
    print(f"table, figure and records: {options.path}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
