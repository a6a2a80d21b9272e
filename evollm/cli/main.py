"""The command line: ``evollm run``, ``resume``, ``show`` and ``models``."""

import argparse
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evollm import __version__
from evollm.checks import nearest
from evollm.cli.commands import command, commands, in_file, recorded
from evollm.cli.config import PARTS, Limits, Machinery, Model, complete, read, written
from evollm.cli.dry_run import estimate
from evollm.cli.launch import launch, prepared
from evollm.cli.options import Parser, add, build, expand, given
from evollm.errors import EvollmError
from evollm.paths import anchored
from evollm.store.record import FILE, Record
from evollm.types import JSON


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 if the run failed or was refused, 2 for a wrong call, 130 if it was interrupted.
    """
    try:
        words = _named(arguments)
        parser = _parser(_file(words))
        said, unknown = parser.parse_known_args(words)
    except EvollmError as error:
        print(f"evollm: {error}", file=sys.stderr)
        return 1
    if unknown:
        known = sorted(set(re.findall(r"--[a-z][a-z.-]*", said.help_text())))
        parser.error(f"there is no option '{unknown[0]}'{nearest(unknown[0], known)}")
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("evollm").setLevel(logging.DEBUG if said.debug else logging.INFO)
    act: Callable[[argparse.Namespace], int] = said.act
    try:
        return act(said)
    except EvollmError as error:
        if said.debug:
            raise
        print(f"evollm: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser(file: str | None = None) -> Parser:
    """Describe all commands; each registered problem becomes one of ``run``, and so does a file."""
    parser = Parser("evollm", description="Evolutionary search with language-model operators.")
    parser.set_defaults(debug=False)
    parser.add_argument("--version", action="version", version=f"evollm {__version__}")
    parts = parser.add_subparsers(required=True, metavar="COMMAND")
    runs = parts.add_parser("run", help="start a search, or continue the one in --path")
    problems = runs.add_subparsers(required=True, metavar="PROBLEM")
    runs.epilog = "PROBLEM may also be FILE.py:SYSTEM, a system in a file of yours."
    for name, found in ({file: command(file)} if file else commands()).items():
        one = problems.add_parser(name, help=found.help, description=found.help)
        add(one, found.options, "problem")
        for kind, title in ((Limits, "limits"), (Machinery, "run"), (Model, "model")):
            add(one, kind, title)
        one.add_argument(
            "--path", type=Path, help="the run directory (default: a new one in runs/)"
        )
        one.add_argument(
            "--config", type=Path, metavar="FILE", help="a TOML file; options on the line go first"
        )
        one.add_argument(
            "--dry-run", action="store_true", help="say what would be asked, and what it would cost"
        )
        _finish(one, partial(_run, name))
    resume = parts.add_parser("resume", help="continue a run from its record")
    resume.add_argument("path", type=Path, metavar="RUN", help="the run directory")
    add(resume, Limits, "limits, where they differ from the run's own")
    add(resume, Model, "model, where it differs")
    _finish(resume, _resume)
    show = parts.add_parser("show", help="say what a run directory holds")
    show.add_argument("path", type=Path, metavar="RUN", help="the run directory")
    show.add_argument(
        "--candidate", type=int, metavar="ID", help="one candidate's ancestors, and its calls"
    )
    show.add_argument(
        "--depth", type=int, default=4, metavar="N", help="generations of ancestors (default: 4)"
    )
    show.add_argument("--config", action="store_true", help="its configuration, as a TOML file")
    _finish(show, _show)
    _models(parts.add_parser("models", help="the offline models: list, pull, path"))
    return parser


def _finish(parser: argparse.ArgumentParser, act: Callable[[argparse.Namespace], int]) -> None:
    """Add what all commands share."""
    parser.add_argument("--quiet", action="store_true", help="no progress display")
    parser.add_argument("--debug", action="store_true", help="full traces and messages")
    parser.set_defaults(act=act, help_text=parser.format_help)


def _models(parser: argparse.ArgumentParser) -> None:
    """Describe the commands that manage the offline models."""
    parts = parser.add_subparsers(required=True, metavar="COMMAND")
    _finish(parts.add_parser("list", help="say which there are, and which are fetched"), _list)
    for name, act, help in (
        ("pull", _pull, "fetch a model, so that it works without a network"),
        ("path", _path, "print where a model's file lies"),
    ):
        one = parts.add_parser(name, help=help)
        one.add_argument("name", nargs="?", help="the model's name (default: the offline model)")
        _finish(one, act)


def _file(words: Sequence[str]) -> str | None:
    """Return the system in a user's file that ``run`` names, if it names one."""
    return words[1] if words[:1] == ["run"] and len(words) > 1 and in_file(words[1]) else None


def _named(arguments: Sequence[str] | None) -> list[str]:
    """Let ``run --config FILE`` take the problem's name from the file."""
    said = list(sys.argv[1:] if arguments is None else arguments)
    if said[:1] == ["run"] and said[1:2] == ["--config"] and len(said) > 2:
        said.insert(1, read(Path(said[2]))["problem"])
    return said


def _run(name: str, said: argparse.Namespace) -> int:
    """Start a search in a new run directory, or continue the named one."""
    config = _configured(name, said)
    if said.dry_run:
        return _rehearse(config)
    word = re.sub(r"\W+", "-", name.removesuffix(".py").replace(".py:", "-")).strip("-")
    new = Path("runs") / f"{word}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    path = anchored(said.path or new)
    return launch(config, path, _connector(config, not (path / FILE).exists()), said.quiet)


def _configured(name: str, said: argparse.Namespace) -> dict[str, JSON]:
    """Join the configuration file, if there is one, with the options of the command line."""
    options = command(name).options
    kinds = {"options": options, **PARTS}
    found: dict[str, Any] = read(said.config) if said.config else {"problem": name}
    if recorded(found.pop("problem")) != recorded(name):
        raise EvollmError(f"{said.config} is for another problem than {name}")
    try:
        complete(name, options, found)
    except EvollmError as error:
        raise EvollmError(f"{said.config}: {error}") from None
    parts = {
        part: expand(kind, found.get(part, {})) | expand(kind, given(said, kind))
        for part, kind in kinds.items()
    }
    config = complete(recorded(name), options, parts)
    _resolve(config["model"])
    build(Model, config["model"]).connection()
    return config


def _resume(said: argparse.Namespace) -> int:
    """Continue a run with its own configuration, and with new limits if given."""
    path = anchored(said.path)
    with Record(path, write=False) as record:
        config = record.get("config") or {}
    if "problem" not in config:
        raise EvollmError(
            f"{said.path} was not started by the command line: call the same Python code again"
        )
    config["limits"] |= given(said, Limits)
    config["model"] |= given(said, Model)
    build(Model, config["model"]).connection()
    build(Limits, config["limits"])
    with Record(path) as record:
        record.put("config", config)
    return launch(config, path, _connector(config, False), said.quiet)


def _rehearse(config: dict[str, JSON]) -> int:
    """Print what a run would ask, and what it would cost at most."""
    from evollm.llm.dry import DryRunModel

    asked: list[DryRunModel] = []

    def connect() -> Any:
        model = _connector(config, False)()
        asked.append(DryRunModel(model.name, model.price, model.context))
        return asked[-1]

    system, budget = prepared(config, connect)
    said = estimate(system.flow(config["run"]["seed"]), budget, asked)
    print(f"{system.opening}\n{said}" if system.opening else said)
    return 0


def _resolve(model: dict[str, JSON]) -> None:
    """Record which model the environment names, so that a resume finds the same one."""
    model["model"] = model["model"] or os.environ.get("EVOLLM_MODEL") or None
    if model["model"]:
        model["base_url"] = model["base_url"] or os.environ.get("OPENAI_BASE_URL") or None


def _connector(config: dict[str, JSON], fresh: bool) -> Callable[[], Any]:
    """Return what connects to the model that a configuration names, and sees that it is there.

    Its price must be known if there is a limit of money. A run with a record may need no model any
    more, so only a fresh one looks for it.
    """

    def connect() -> Any:
        from evollm.llm.connect import connect

        said = build(Model, config["model"])
        settings = said.connection()
        # On a resume the environment must not put another model in the place of the offline one.
        unnamed = "offline" if os.environ.get("EVOLLM_MODEL") else None
        model: Any = connect(said.model or unnamed, base_url=said.base_url, settings=settings)
        paid = config["limits"]["money"] is not None
        if paid and model.price is None:
            raise EvollmError(
                "--money needs the model's price: give --price IN,OUT a million tokens"
            )
        if fresh:
            model.reach()
        return model

    return connect


def _show(said: argparse.Namespace) -> int:
    """Print a run's summary, its configuration, or one candidate's ancestry."""
    from evollm.report.text import ancestry, summary

    with Record(said.path, write=False) as record:
        if said.config:
            config = record.get("config") or {}
            if "problem" not in config:
                raise EvollmError(f"{said.path} was not started by the command line")
            print(written(config), end="")
        elif said.candidate is None:
            print(summary(record))
        else:
            print(ancestry(record, said.candidate, said.depth))
    return 0


def _list(said: argparse.Namespace) -> int:
    """Print the offline models."""
    from evollm.llm.offline.weights import list_models

    for model in list_models():
        state = str(model.file) if model.file.is_file() else "not fetched yet"
        print(f"{model.name:<10} {model.title:<24} {model.precision:<6} {state}")
    return 0


def _pull(said: argparse.Namespace) -> int:
    """Fetch an offline model."""
    from evollm.llm.offline.weights import pull

    print(pull(said.name or "offline"))
    return 0


def _path(said: argparse.Namespace) -> int:
    """Print where an offline model lies."""
    from evollm.llm.offline.weights import path

    print(path(said.name or "offline"))
    return 0
