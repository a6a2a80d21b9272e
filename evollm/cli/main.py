"""The command line: all commands, and ``evollm run``, ``resume`` and ``models``."""

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
from evollm.cli import completion, schema, tune
from evollm.cli.commands import command, commands, in_file, recorded
from evollm.cli.config import PARTS, Limits, Machinery, Model, complete, read, written
from evollm.cli.connecting import Connector
from evollm.cli.dry_run import estimate
from evollm.cli.launch import launch, prepared
from evollm.cli.options import Parser, add, build, expand, given
from evollm.cli.records import compare, report, runs, show
from evollm.errors import EvollmError
from evollm.paths import anchored, creatable, save
from evollm.store.record import FILE, Record
from evollm.types import JSON


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 if the run failed or could not start, 2 for invalid arguments, 130 if interrupted.
    """
    try:
        words = _named(arguments)
        parser = _parser(_file(words))
        args, unknown = parser.parse_known_args(words)
    except EvollmError as error:
        print(f"evollm: {error}", file=sys.stderr)
        return 1
    if unknown:
        known = sorted(set(re.findall(r"--[a-z][a-z.-]*", args.parser.format_help())))
        args.parser.error(f"there is no option '{unknown[0]}'{nearest(unknown[0], known)}")
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("evollm").setLevel(logging.DEBUG if args.debug else logging.INFO)
    act: Callable[[argparse.Namespace], int] = args.act
    try:
        return act(args)
    except EvollmError as error:
        if args.debug:
            raise
        print(f"evollm: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser(file: str | None = None) -> Parser:
    """Describe all commands; each registered problem, or a file, is a subcommand of ``run``."""
    parser = Parser("evollm", description="Evolutionary search with language-model operators.")
    parser.set_defaults(debug=False)
    parser.add_argument("--version", action="version", version=f"evollm {__version__}")
    parts = parser.add_subparsers(required=True, metavar="COMMAND")
    search = parts.add_parser("run", help="start a search, or continue the one in --path")
    problems = search.add_subparsers(required=True, metavar="PROBLEM")
    search.epilog = "PROBLEM may also be FILE.py:SYSTEM, a system defined in your own file."
    for name, found in ({file: command(file)} if file else commands()).items():
        one = problems.add_parser(name, help=found.help, description=found.help)
        add(one, found.options, "problem")
        for kind, title in ((Limits, "limits"), (Machinery, "run"), (Model, "model")):
            add(one, kind, title)
        one.add_argument(
            "--path", type=Path, help="the run directory (default: a new one in runs/)"
        )
        one.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="a TOML file; options on the command line override it",
        )
        one.add_argument(
            "--save-config",
            type=Path,
            metavar="FILE",
            help="write the complete configuration to a TOML file that --config reads",
        )
        one.add_argument(
            "--dry-run",
            action="store_true",
            help="print what a model would be asked and the maximum cost",
        )
        _finish(one, partial(_run, name))
    resume = parts.add_parser("resume", help="continue a run from its record")
    resume.add_argument("path", type=Path, metavar="RUN", help="the run directory")
    add(resume, Limits, "limits that replace the run's own")
    add(resume, Model, "model settings that replace the run's own")
    _finish(resume, _resume)
    show.describe(parts, _finish)
    runs.describe(parts, _finish)
    compare.describe(parts, _finish)
    report.describe(parts, _finish)
    tune.describe(parts, _finish)
    schema.describe(parts, _finish)
    completion.describe(parts, _finish, parser)
    _models(parts.add_parser("models", help="the offline models: list, pull, path"))
    return parser


def _finish(parser: argparse.ArgumentParser, act: Callable[[argparse.Namespace], int]) -> None:
    """Add the options that all commands share."""
    parser.add_argument("--quiet", action="store_true", help="hide the progress display")
    parser.add_argument(
        "--debug", action="store_true", help="show full tracebacks and debug messages"
    )
    parser.set_defaults(act=act, parser=parser)


def _models(parser: argparse.ArgumentParser) -> None:
    """Describe the commands that manage the offline models."""
    parts = parser.add_subparsers(required=True, metavar="COMMAND")
    _finish(
        parts.add_parser("list", help="print the available models, and which have been fetched"),
        _list,
    )
    for name, act, help in (
        ("pull", _pull, "fetch a model so that it works without a network"),
        ("path", _path, "print the path of a model's file"),
    ):
        one = parts.add_parser(name, help=help)
        one.add_argument("name", nargs="?", help="the model's name (default: the offline model)")
        _finish(one, act)


def _file(words: Sequence[str]) -> str | None:
    """Return the system in a user's file that is the argument of ``run``, if it is one."""
    return words[1] if words[:1] == ["run"] and len(words) > 1 and in_file(words[1]) else None


def _named(arguments: Sequence[str] | None) -> list[str]:
    """Let ``run`` with options only take the problem's name from the file of ``--config``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["run"] and words[1:2] and words[1].startswith("-"):
        file = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        file.add_argument("--config", type=Path, nargs="?")
        if found := file.parse_known_args(words)[0].config:
            words.insert(1, read(found)["problem"])
    return words


def _run(name: str, args: argparse.Namespace) -> int:
    """Start a search in a new run directory, or continue the named one."""
    config = _configured(name, args)
    if args.save_config:
        save(written(config, command(name).options), args.save_config, "configuration")
    word = re.sub(r"\W+", "-", name.removesuffix(".py").replace(".py:", "-")).strip("-")
    new = Path("runs") / f"{word}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    path = creatable(args.path) if args.path else anchored(new)
    if args.dry_run:
        return _dry_run(config)
    return launch(config, path, Connector.of(config, fresh=not (path / FILE).exists()), args.quiet)


def _configured(name: str, args: argparse.Namespace) -> dict[str, JSON]:
    """Join the configuration file, if given, with the options of the command line."""
    options = command(name).options
    kinds = {"options": options, **PARTS}
    found: dict[str, Any] = read(args.config) if args.config else {"problem": name}
    if recorded(found.pop("problem")) != recorded(name):
        raise EvollmError(
            f"{args.config} is not for the problem {name}: name the file's own problem, or give "
            "another file"
        )
    try:
        complete(name, options, found)
    except EvollmError as error:
        raise EvollmError(f"{args.config}: {error}") from None
    parts = {
        part: expand(kind, found.get(part, {})) | expand(kind, given(args, kind))
        for part, kind in kinds.items()
    }
    config = complete(recorded(name), options, parts)
    _resolve(config["model"])
    build(Model, config["model"]).connection()
    return config


def _resume(args: argparse.Namespace) -> int:
    """Continue a run with its own configuration, and with new limits or another model if given."""
    path = anchored(args.path)
    with Record(path, write=False) as record:
        config = record.get("config") or {}
    if "problem" not in config:
        raise EvollmError(
            f"{args.path} was not started by the command line: call the same Python code again to "
            "resume it"
        )
    config["limits"] |= given(args, Limits)
    config["model"] |= given(args, Model)
    build(Model, config["model"]).connection()
    build(Limits, config["limits"])
    with Record(path) as record:
        record.put("config", config)
    return launch(config, path, Connector.of(config), args.quiet)


def _dry_run(config: dict[str, JSON]) -> int:
    """Print what a run would ask a model or compute, and what that would cost at most."""
    connect = Connector.of(config, dry=True)
    system, budget = prepared(config, connect)
    if opening := system.opening:
        print(opening)
    forecast = system.forecast(budget)
    print(forecast or estimate(system.flow(config["run"]["seed"]), budget, connect.recording))
    return 0


def _resolve(model: dict[str, JSON]) -> None:
    """Record which model the environment names, so that a resumed run uses the same one."""
    model["model"] = model["model"] or os.environ.get("EVOLLM_MODEL") or None
    if model["model"]:
        model["base_url"] = model["base_url"] or os.environ.get("OPENAI_BASE_URL") or None


def _list(args: argparse.Namespace) -> int:
    """Print the offline models."""
    from evollm.llm.offline.weights import list_models

    for model in list_models():
        state = str(model.file) if model.file.is_file() else "not fetched yet"
        print(f"{model.name:<10} {model.title:<24} {model.precision:<6} {state}")
    return 0


def _pull(args: argparse.Namespace) -> int:
    """Fetch an offline model."""
    from evollm.llm.offline.weights import pull

    print(pull(args.name or "offline"))
    return 0


def _path(args: argparse.Namespace) -> int:
    """Print the path of an offline model's file."""
    from evollm.llm.offline.weights import path

    print(path(args.name or "offline"))
    return 0
