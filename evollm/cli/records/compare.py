"""``evollm compare``: runs of one problem beside each other, at equal evaluations."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from evollm.checks import positive
from evollm.cli.records import terminal
from evollm.errors import EvollmError
from evollm.paths import anchored, brief, save
from evollm.store.glance import directories
from evollm.store.record import FILE


def describe(parts: Any, finish: Any) -> None:
    """Add the command to those of the command line."""
    help = "compare runs of one problem at equal evaluations, and test their differences"
    compare = parts.add_parser("compare", help=help, description=help)
    compare.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="a run directory, or a folder with some"
    )
    compare.add_argument(
        "--evaluations",
        type=int,
        metavar="N",
        help="where to compare, without the runs that have fewer (default: the most that all have)",
    )
    compare.add_argument(
        "--html", type=Path, metavar="FILE.html", help="also write a page with the curves"
    )
    finish(compare, _compare)


def _compare(args: argparse.Namespace) -> int:
    """Print a comparison, and write the page of the same report."""
    from evollm.report.comparison.page import compared
    from evollm.report.comparison.tracks import track

    positive(**{"--evaluations": args.evaluations})
    tracks, left = [], []
    for path, named in found(args.runs).items():
        try:
            tracks.append(track(path))
        except EvollmError as error:
            if named:
                raise
            left.append(str(error))
    report = compared(tracks, args.evaluations, left)
    terminal.show(report)
    if args.html:
        from evollm.report.html.document import document

        file = save(document(report), args.html, "page")
        print(f"\npage  {brief(file)}")
    return 0


def found(folders: Iterable[Path]) -> dict[Path, bool]:
    """Return the run directories among folders and below them, each with whether it was named.

    Raises:
        EvollmError: If a folder does not exist, or contains no run.
    """
    paths = [(path, anchored(folder)) for folder in folders for path in _below(folder)]
    return {path: path == folder for path, folder in paths}


def _below(folder: Path) -> Iterator[Path]:
    place = anchored(folder)
    runs = [place] if (place / FILE).is_file() else list(directories(folder))
    if not runs:
        raise EvollmError(f"there is no run directory in {folder}: name one, or a folder with some")
    yield from runs
