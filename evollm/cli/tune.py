"""``evollm tune``: a model taught to be a better operator, by a teacher or by earlier runs."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from evollm.cli.commands import registered
from evollm.cli.options import Parser, add, build, expand, given
from evollm.errors import EvollmError
from evollm.paths import anchored, brief
from evollm.tuning.examples import Teacher
from evollm.tuning.records import collected
from evollm.tuning.settings import TrainSettings

GROUP = "evollm.teachers"


class Lessons(Protocol):
    """What a package registers under ``evollm.teachers`` to appear in the command line."""

    @property
    def help(self) -> str:
        """One line of help."""
        ...

    @property
    def options(self) -> type[Any]:
        """The frozen dataclass whose fields are the options."""
        ...

    def teacher(self, options: Any) -> Teacher:
        """Return what makes the examples."""
        ...

    def tune(
        self, teacher: Teacher, options: Any, settings: TrainSettings, folder: Path, report: Any
    ) -> list[Path]:
        """Train a model, and write its adapter into a folder; return the files.

        Args:
            teacher: What makes the examples.
            options: The options.
            settings: How to train.
            folder: Where the adapter goes; an interrupted training there goes on.
            report: Called with each line of the record.

        Raises:
            EvollmError: If a package is missing, or the model can't be trained.
        """
        ...


def describe(parts: Any, finish: Any) -> None:
    """Add the command to those of the command line."""
    tune = parts.add_parser("tune", help="teach a model to be a better operator")
    subjects = tune.add_subparsers(required=True, metavar="TEACHER")
    for name, found in lessons().items():
        one: Parser = subjects.add_parser(name, help=found.help, description=found.help)
        add(one, found.options, "teacher")
        add(one, TrainSettings, "training")
        one.add_argument(
            "--from-runs",
            nargs="+",
            metavar="RUN",
            help="learn from the improving answers of these run directories instead",
        )
        one.add_argument(
            "--out", type=Path, default=Path(f"adapter-{name}"), help="folder (%(default)s)"
        )
        finish(one, lambda args, found=found: _tune(found, args))


def lessons() -> Mapping[str, Lessons]:
    """Return what is registered, by name."""
    return registered(GROUP, "teacher")


def _tune(found: Lessons, args: argparse.Namespace) -> int:
    options = build(found.options, expand(found.options, given(args, found.options)))
    settings = build(TrainSettings, expand(TrainSettings, given(args, TrainSettings)))
    teacher: Teacher = found.teacher(options)
    folder = anchored(args.out)
    if args.from_runs:
        teacher = collected(args.from_runs)
        if not args.quiet:
            print(f"{len(teacher.known)} improving answers in {len(args.from_runs)} runs")

    def report(line: Mapping[str, Any]) -> None:
        if not args.quiet:
            print("  ".join(f"{name} {value}" for name, value in line.items()), flush=True)

    try:
        files = found.tune(teacher, options, settings, folder, report)
    except KeyboardInterrupt:
        print(f"interrupted; go on with the same command (--out {brief(folder)})")
        return 130
    except OSError as error:
        raise EvollmError(f"{folder} can't be written: {error.strerror or error}") from None
    print(json.dumps({"files": [brief(file) for file in files]}))
    return 0
