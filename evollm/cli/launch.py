"""Launching: turns a configuration into a run, and prints a short report."""

import sys
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from evollm.cli.commands import Connect, command
from evollm.cli.config import Limits, Machinery
from evollm.cli.options import build, options_of
from evollm.errors import EvollmError
from evollm.executors.names import executor_of
from evollm.paths import anchored, brief
from evollm.report.progress import Progress
from evollm.runtime.budget import Budget
from evollm.runtime.result import Result
from evollm.system import System, run_system
from evollm.types import JSON


def launch(config: dict[str, JSON], path: Path, connect: Connect, quiet: bool = False) -> int:
    """Run the system that a configuration describes, and print the result.

    Returns:
        The exit status: 0, or 130 if the run was interrupted.
    """
    path = anchored(path)
    folder = brief(path)  # before the user's code is loaded, which may change the directory
    where = build(Machinery, config["run"])
    executor = executor_of(where.executor, where.workers)
    system, budget = prepared(config, connect)
    callbacks = () if quiet else (Progress(system.units["fitness"].text),)
    if opening := system.opening:
        print(opening, flush=True)
    print(f"run directory {folder}", file=sys.stderr)
    result = run_system(
        system,
        budget,
        seed=where.seed,
        executor=executor,
        path=path,
        config=config,
        callbacks=callbacks,
        on_error=where.on_error,
    )
    print(_report(system, result))
    if result.stopped == "interrupted":
        print(f"continue with: evollm resume {folder}", file=sys.stderr)
        return 130
    return 0


def prepared(config: dict[str, JSON], connect: Connect) -> tuple[System[Any], Budget]:
    """Return the system and the budget that a configuration describes.

    Raises:
        EvollmError: If an option or a limit is invalid; this is checked before connecting to the
            model.
    """
    found = command(config["problem"])
    options = build(found.options, config["options"])
    limits = {name: value for name, value in config["limits"].items() if value is not None}
    Budget(**limits)
    system = found.system(options, connect)
    return system, _budget(system.budget, limits)


def _budget(default: Budget, limits: dict[str, Any]) -> Budget:
    """Join the user's limits with the system's defaults, which apply only if the user sets none."""
    own = {item.name: getattr(default, item.name) for item in fields(Budget)}
    if limits:
        own |= dict.fromkeys(options_of(Limits))
    return Budget(**{**own, **limits})


def _report(system: System[Any], result: Result[Any]) -> str:
    """Return a run's report; save its plot and the system's files in the run directory."""
    lines = [f"stopped       {result.stopped}", system.report(result).text()]
    if result.path and result.usage.evaluations:
        names = ", ".join(file.name for file in _files(system, result))
        lines.append(f"written       {names or 'the record'} in {brief(result.path)}")
    return "\n".join(lines)


def _files(system: System[Any], result: Result[Any]) -> list[Path]:
    """Write the run's plot, if matplotlib is installed, and the system's own files."""
    from evollm.report.plots import plot_run

    assert result.path is not None
    files = []
    with suppress(EvollmError):
        files.append(plot_run(result.record, result.path / "progress.png"))
    return files + system.export(result, result.path)
