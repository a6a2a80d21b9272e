"""``evollm runs``: the run directories in a folder, in a line each."""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evollm.cli.records import terminal
from evollm.errors import EvollmError
from evollm.paths import brief
from evollm.report.page import Report, Section, Table
from evollm.report.progress import clock
from evollm.store.glance import Glance, directories, glance

FOLDER = Path("runs")
"""The folder that is listed if none is named."""

COLUMNS: Mapping[str, Callable[[Glance], Any]] = {
    "run": lambda run: brief(run.path),
    "problem": lambda run: run.problem,
    "state": lambda run: run.state,
    "best": lambda run: (run.problem, run.best is None, -(run.best or 0.0)),
    "evaluations": lambda run: run.usage.evaluations,
    "calls": lambda run: run.usage.calls,
    "money": lambda run: -1.0 if run.usage.money is None else run.usage.money,
    "started": lambda run: run.started or 0.0,
    "duration": lambda run: run.usage.seconds,
}
"""By column, the key for sorting; the best of each problem come first."""


def describe(parts: Any, finish: Any) -> None:
    """Add the command to those of the command line."""
    runs = parts.add_parser("runs", help="list the run directories in a folder and below it")
    runs.add_argument(
        "folder", type=Path, nargs="?", metavar="FOLDER", help=f"the folder (default: {FOLDER})"
    )
    runs.add_argument(
        "--sort",
        choices=list(COLUMNS),
        default="started",
        help="the column to sort by (default: started, so that the newest run is the last)",
    )
    runs.add_argument("--reverse", action="store_true", help="sort the other way round")
    finish(runs, _runs)


def _runs(args: argparse.Namespace) -> int:
    """Print a line for each run; a damaged one does not stop the listing."""
    if args.folder is None and not FOLDER.exists():
        print(f"there are no runs, as there is no folder {FOLDER}")
        return 0
    found, damaged = read(args.folder or FOLDER)
    if not found and not damaged:
        print(f"there are no runs in {args.folder or FOLDER}")
        return 0
    found.sort(key=COLUMNS[args.sort], reverse=args.reverse)
    rows = [_row(run) for run in found]
    rows += [[brief(path), None, "damaged", *[None] * 6] for path in damaged]
    table, notes = Table(tuple(COLUMNS), rows), "\n".join(damaged.values())
    terminal.show(Report("Runs", [Section("", tables=[table]), Section("", text=notes)]))
    return 0


def read(folder: Path) -> tuple[list[Glance], dict[Path, str]]:
    """Return the runs in a folder, and by path why others can't be read.

    Raises:
        EvollmError: If there is no such folder.
    """
    found, damaged = [], {}
    for path in directories(folder):
        try:
            found.append(glance(path))
        except EvollmError as error:
            damaged[path] = str(error)
    return found, damaged


def _row(run: Glance) -> list[object]:
    usage = run.usage
    return [
        brief(run.path),
        run.problem,
        run.state,
        None if run.best is None else run.units.text(run.best),
        usage.evaluations,
        usage.calls,
        usage.money,
        None
        if run.started is None
        else time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started)),
        clock(usage.seconds),
    ]
