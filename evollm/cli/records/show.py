"""``evollm show``: what one run directory contains."""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Any

from evollm.cli.commands import command
from evollm.cli.config import written
from evollm.cli.records import terminal
from evollm.errors import EvollmError
from evollm.store.record import Record


def describe(parts: Any, finish: Any) -> None:
    """Add the command to those of the command line."""
    show = parts.add_parser("show", help="print what a run directory contains")
    show.add_argument("path", type=Path, metavar="RUN", help="the run directory")
    show.add_argument(
        "--candidate", type=int, metavar="ID", help="one candidate's ancestors and model calls"
    )
    show.add_argument(
        "--depth", type=int, default=4, metavar="N", help="generations of ancestors (default: 4)"
    )
    show.add_argument(
        "--config", action="store_true", help="the run's configuration as a TOML file"
    )
    finish(show, _show)


def _show(args: argparse.Namespace) -> int:
    """Print a run's summary, its configuration, or a candidate's ancestry."""
    from evollm.report.text import ancestry, described

    with Record(args.path, write=False) as record:
        if args.config:
            print(_config(record, args.path), end="")
        elif args.candidate is None:
            terminal.show(described(record))
        else:
            terminal.write(ancestry(record, args.candidate, args.depth))
    return 0


def _config(record: Record, path: Path) -> str:
    config = record.get("config") or {}
    if "problem" not in config:
        raise EvollmError(
            f"{path} was not started by the command line, so it has no configuration to show"
        )
    options = None
    with suppress(EvollmError):  # the package of its problem may not be installed
        options = command(config["problem"]).options
    return written(config, options)
