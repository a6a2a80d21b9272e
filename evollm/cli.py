"""The command line: ``evollm run``, ``resume``, ``show`` and ``models``."""

import argparse
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

from evollm.budget import Budget
from evollm.command import Plan, command, commands
from evollm.driver import OnError
from evollm.executors import Executor, Serial, Threads
from evollm.loop import run
from evollm.options import Parser, add, build, given, nearest, option
from evollm.processes import Processes
from evollm.progress import Progress, cost
from evollm.result import Result
from evollm.store.record import Record
from evollm.types import JSON, EvollmError


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a run, as options."""

    evaluations: int | None = option(None, "stop after so many evaluations")
    generations: int | None = option(None, "stop after so many generations")
    seconds: float | None = option(None, "stop after so much working time")
    calls: int | None = option(None, "stop after so many answers of the model")
    tokens: int | None = option(None, "stop before more tokens than this")
    money: float | None = option(None, "stop before paying more; needs --price")
    stagnation: int | None = option(None, "stop after so many generations without a better fitness")


@dataclass(frozen=True, slots=True)
class Machinery:
    """Where and how a run works, as options."""

    seed: int = option(0, "fixes the search")
    executor: Literal["serial", "threads", "processes", "ray"] = option(
        "serial", "where evaluations run"
    )
    workers: int | None = option(None, "how many run at once; none for all processors")
    time_limit: float | None = option(
        None, "seconds for one evaluation; with processes or ray only", metavar="SECONDS"
    )
    on_error: OnError = option("record", "whether a failed evaluation is survived, or ends the run")


@dataclass(frozen=True, slots=True)
class Model:
    """Which language model serves, as options."""

    model: str | None = option(
        None, "a model's name, or a GGUF file; none for EVOLLM_MODEL or the offline model"
    )
    base_url: str | None = option(None, "an OpenAI-compatible endpoint; none for OPENAI_BASE_URL")
    price: str | None = option(
        None, "price of a million prompt and generated tokens", metavar="IN,OUT"
    )
    concurrency: int = option(16, "requests at the same time")
    requests_per_minute: float | None = option(None, "rate limit")
    tokens_per_minute: float | None = option(None, "rate limit")
    cache: bool = option(True, "whether answers are kept and served again from the user's cache")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 if the run failed or was refused, 2 for a wrong call, 130 if it was interrupted.
    """
    parser = _parser()
    said, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = sorted(set(re.findall(r"--[a-z][a-z-]*", said.help_text())))
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


def _parser() -> Parser:
    """Describe all commands; each registered problem becomes one of ``run``."""
    parser = Parser("evollm", description="Evolutionary search with language-model operators.")
    parser.set_defaults(debug=False)
    parts = parser.add_subparsers(required=True, metavar="COMMAND")
    runs = parts.add_parser("run", help="start a search, or continue the one in --path")
    problems = runs.add_subparsers(required=True, metavar="PROBLEM")
    for name, found in commands().items():
        one = problems.add_parser(name, help=found.help, description=found.help)
        add(one, found.options, "problem")
        for kind, title in ((Limits, "limits"), (Machinery, "run"), (Model, "model")):
            add(one, kind, title)
        one.add_argument(
            "--path", type=Path, help="the run directory (default: a new one in runs/)"
        )
        _finish(one, partial(_run, name))
    resume = parts.add_parser("resume", help="continue a run from its record")
    resume.add_argument("path", type=Path, metavar="RUN", help="the run directory")
    add(resume, Limits, "limits, where they differ from the run's own")
    _finish(resume, _resume)
    show = parts.add_parser("show", help="say what a run directory holds")
    show.add_argument("path", type=Path, metavar="RUN", help="the run directory")
    show.add_argument(
        "--candidate", type=int, metavar="ID", help="one candidate's ancestors, and its calls"
    )
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


def _run(name: str, said: argparse.Namespace) -> int:
    """Start a search in a new run directory, or continue the one that is named."""
    config: dict[str, JSON] = {
        "problem": name,
        "options": asdict(build(command(name).options, given(said, command(name).options))),
        "limits": asdict(build(Limits, given(said, Limits))),
        "run": asdict(build(Machinery, given(said, Machinery))),
        "model": _resolved(asdict(build(Model, given(said, Model)))),
    }
    path = said.path or Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    return _go(config, path, said.quiet)


def _resume(said: argparse.Namespace) -> int:
    """Continue a run under its own configuration, with limits that may be new."""
    with Record(said.path, write=False) as record:
        config = record.get("config") or {}
    if "problem" not in config:
        raise EvollmError(
            f"{said.path} was not started by the command line: call the same Python code again"
        )
    config["limits"] |= given(said, Limits)
    return _go(config, said.path, said.quiet)


def _go(config: dict[str, JSON], path: Path, quiet: bool) -> int:
    """Run what a configuration describes, and report it."""
    where = build(Machinery, config["run"])
    if where.seed < 0:
        raise EvollmError(f"--seed must be 0 or more, not {where.seed}")
    executor = _executor(where)
    found = command(config["problem"])
    options = build(found.options, config["options"])
    limits = {name: value for name, value in config["limits"].items() if value is not None}
    Budget(**limits)  # a wrong limit is refused before a model is looked for
    connect = partial(_connect, build(Model, config["model"]), "money" in limits)
    plan = found.plan(options, connect, where.seed)
    callbacks = () if quiet else (Progress(plan.value),)
    print(f"run directory {path}", file=sys.stderr)
    result = run(
        plan.flow,
        plan.problem,
        budget=_budget(plan, limits),
        executor=executor,
        path=path,
        config=config,
        callbacks=callbacks,
        on_error=where.on_error,
    )
    print(_report(plan, result))
    if result.stopped == "interrupted":
        print(f"continue with: evollm resume {path}", file=sys.stderr)
        return 130
    return 0


def _budget(plan: Plan, limits: dict[str, Any]) -> Budget:
    """Join the user's limits with the plan's; its default length yields to any of the user's."""
    names = {item.name for item in fields(Limits)}
    own = {item.name: getattr(plan.budget, item.name) for item in fields(Budget)}
    if limits:
        own |= dict.fromkeys(names)
    return Budget(**{**own, **limits})


def _report(plan: Plan, result: Result[Any]) -> str:
    """Write what a run came to, and draw it where matplotlib is installed."""
    usage = result.usage
    lines = [f"stopped       {result.stopped}"]
    if result.best is not None:
        best = f"{plan.value(result.best.fitness)} ({plan.label})"
        lines.append(f"best          {best} at {plan.show(result.best)}")
    lines.append(
        f"spent         {usage.evaluations} evaluations ({usage.failed} failed), "
        f"{usage.generations} generations, {usage.seconds:.1f} s"
    )
    if usage.calls:
        lines.append(
            f"model         {usage.calls} calls ({usage.cached_calls} cached), "
            f"{usage.prompt_tokens} + {usage.completion_tokens} tokens, cost {cost(usage)}"
        )
    if extra := plan.report(result):
        lines.append(extra)
    if result.path and usage.evaluations:
        lines.append(f"details       {_picture(plan, result) or result.path}")
    return "\n".join(lines)


def _picture(plan: Plan, result: Result[Any]) -> Path | None:
    """Draw the run into its directory; None if there is nothing to draw with."""
    from evollm.report.plots import plot_run

    assert result.path is not None
    file = result.path / "progress.png"
    try:
        plot_run(result.record, file, lambda fitness: float(plan.value(fitness)), plan.label)
    except EvollmError:
        return None
    return file


def _executor(where: Machinery) -> Executor:
    """Make the executor that the options name."""
    if where.time_limit is not None and where.executor in ("serial", "threads"):
        raise EvollmError(
            f"--executor {where.executor} can't enforce a time limit: use processes or ray"
        )
    workers = where.workers or os.cpu_count() or 1
    if where.executor == "threads":
        return Threads(workers)
    if where.executor == "processes":
        return Processes(workers, where.time_limit)
    if where.executor == "ray":
        from evollm.cluster import Ray

        return Ray(where.workers, where.time_limit)
    if where.workers not in (None, 1):
        raise EvollmError("--executor serial has one worker: use threads, processes or ray")
    return Serial()


def _resolved(model: dict[str, JSON]) -> dict[str, JSON]:
    """Write down which model the environment names, so that a resume finds the same one."""
    model["model"] = model["model"] or os.environ.get("EVOLLM_MODEL") or None
    if model["model"]:
        model["base_url"] = model["base_url"] or os.environ.get("OPENAI_BASE_URL") or None
    return model


def _connect(said: Model, paid: bool) -> Any:
    """Return the language model that the options name; its price must be known if it is paid."""
    from evollm.llm.connect import connect
    from evollm.llm.prices import Price
    from evollm.llm.settings import Settings

    settings = Settings(
        concurrency=said.concurrency,
        requests_per_minute=said.requests_per_minute,
        tokens_per_minute=said.tokens_per_minute,
        price=Price.parse(said.price) if said.price else None,
        cache="user" if said.cache else None,
    )
    # On a resume the environment must not put another model in the place of the offline one.
    unnamed = "offline" if os.environ.get("EVOLLM_MODEL") else None
    model: Any = connect(said.model or unnamed, base_url=said.base_url, settings=settings)
    if paid and model.settings.price is None and Price.from_environment() is None:
        raise EvollmError("--money needs the model's price: give --price IN,OUT a million tokens")
    return model


def _show(said: argparse.Namespace) -> int:
    """Print a run's summary, or one candidate's ancestry."""
    from evollm.report.text import ancestry, summary

    with Record(said.path, write=False) as record:
        print(summary(record) if said.candidate is None else ancestry(record, said.candidate))
    return 0


def _list(said: argparse.Namespace) -> int:
    """Print the offline models."""
    from evollm.llm.weights import list_models

    for model in list_models():
        state = str(model.file) if model.file.is_file() else "not fetched yet"
        print(f"{model.name:<10} {model.title:<24} {model.precision:<6} {state}")
    return 0


def _pull(said: argparse.Namespace) -> int:
    """Fetch an offline model."""
    from evollm.llm.weights import pull

    print(pull(said.name or "offline"))
    return 0


def _path(said: argparse.Namespace) -> int:
    """Print where an offline model lies."""
    from evollm.llm.weights import path

    print(path(said.name or "offline"))
    return 0
