"""The opening, the report and the files of a search for programs."""

import difflib
from pathlib import Path

from evollm.report.page import Report, Section
from evollm.report.sections import overview
from evollm.runtime.result import Result
from problems.programs.sandbox.verdict import protections
from problems.programs.system import Programs

_LINES = 80
_OPEN = {
    "processes": "signal this user's other processes and leave processes behind",
    "network": "use the network",
    "files": "write files outside their folder",
}


def opening(system: Programs) -> str:
    """Return the task in one line, and what programs may do because this machine allows it."""
    task, allowed = system.task, system.problem.limits.network
    head = f"task          {task.name}, {len(task.block.splitlines())} lines that may change"
    held = protections(allowed)
    lost = [what for name, what in _OPEN.items() if name not in held]
    if not lost:
        return head
    return f"{head}\nprograms      can {', '.join(lost)} (see docs/programs.md)"


def report(system: Programs, result: Result[str]) -> Report:
    """Return the overview with what changed from the initial program to the best one."""
    if result.best is None:
        return overview(result.record)
    chosen = system.choose(result)
    lines = difference(system, chosen.genome).splitlines()
    cut = [*lines[:_LINES], f"[{len(lines) - _LINES} more lines]"][: len(lines)]
    metrics = {name: f"{value:.6g}" for name, value in chosen.metrics.items()}
    title = "Changes" if lines else ""
    return overview(result.record, Section("Metrics", metrics), Section(title, {}, "\n".join(cut)))


def files(system: Programs, result: Result[str], folder: Path) -> list[Path]:
    """Write the best program and its differences from the initial one; return the files."""
    if result.best is None or result.best.error is not None:
        return []
    chosen = system.choose(result)
    texts = {
        f"best_program{system.task.frame.suffix}": system.source(chosen),
        "best_program.diff": difference(system, chosen.genome),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def difference(system: Programs, block: str) -> str:
    """Return how the program with a block differs from the initial one, as a unified diff."""
    frame, before = system.task.frame, system.task.block
    names = (system.task.file, f"best_program{frame.suffix}")
    old, new = (frame.whole(text).splitlines(keepends=True) for text in (before, block))
    return "".join(difflib.unified_diff(old, new, *names))
