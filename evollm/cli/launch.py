"""Launching: a configuration becomes a run, and the run a few lines of report."""

import os
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from evollm.cli.commands import Plan, command
from evollm.cli.config import Limits, Machinery
from evollm.cli.options import build
from evollm.errors import EvollmError
from evollm.executors.base import Executor, Serial, Threads
from evollm.executors.processes import Processes
from evollm.paths import anchored, brief
from evollm.report.progress import Progress, cost
from evollm.runtime.budget import Budget
from evollm.runtime.loop import run
from evollm.runtime.result import Result
from evollm.types import JSON


def launch(
    config: dict[str, JSON], path: Path, connect: Callable[[], Any], quiet: bool = False
) -> int:
    """Run what a configuration describes, and print what came of it.

    Returns:
        The exit status: 0, or 130 if the run was interrupted.
    """
    path = anchored(path)
    folder = brief(path)  # before the user's code is loaded, which may change the directory
    where = build(Machinery, config["run"])
    executor = _executor(where)
    plan, budget = prepared(config, connect)
    callbacks = () if quiet else (Progress(plan.value),)
    print(f"run directory {folder}", file=sys.stderr)
    result = run(
        plan.flow,
        plan.problem,
        budget=budget,
        executor=executor,
        path=path,
        config=config,
        callbacks=callbacks,
        on_error=where.on_error,
    )
    print(_report(plan, result))
    if result.stopped == "interrupted":
        print(f"continue with: evollm resume {folder}", file=sys.stderr)
        return 130
    return 0


def prepared(config: dict[str, JSON], connect: Callable[[], Any]) -> tuple[Plan, Budget]:
    """Return the plan and the budget that a configuration describes.

    Raises:
        EvollmError: If an option or a limit is wrong; then the model was not looked for.
    """
    found = command(config["problem"])
    options = build(found.options, config["options"])
    limits = {name: value for name, value in config["limits"].items() if value is not None}
    Budget(**limits)
    plan = found.plan(options, connect, build(Machinery, config["run"]).seed)
    return plan, _budget(plan, limits)


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
        from evollm.executors.cluster import Ray

        return Ray(where.workers, where.time_limit)
    if where.workers not in (None, 1):
        raise EvollmError("--executor serial has one worker: use threads, processes or ray")
    return Serial()
