"""Comparisons: methods side by side on BBOB functions, at equal evaluations, over seeds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evollm import Budget, run
from evollm.executors.base import Executor
from evollm.llm.base import LanguageModel
from evollm.report.plots import best_so_far
from evollm.report.progress import Progress
from problems.blackbox.bbob import bbob
from problems.blackbox.controls import MODELS, TITLES, strategy_of


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a comparison; the seed also chooses BBOB's instance, alike for all methods.

    Attributes:
        method: Of ``problems.blackbox.controls``.
        function: A BBOB function's name.
        dimension: Its coordinates.
        seed: From 0.
        evaluations: The budget.
    """

    method: str
    function: str
    dimension: int
    seed: int
    evaluations: int

    @property
    def problem(self) -> str:
        """What is searched, in words."""
        return f"{self.function}, {self.dimension}-d"

    @property
    def name(self) -> str:
        """A name that fits a file."""
        return f"{self.function}-{self.dimension}d-{self.method}-{self.seed}-{self.evaluations}"


@dataclass(frozen=True, slots=True)
class Row:
    """What a cell came to.

    Attributes:
        cell: What was run.
        gaps: Best value above the optimum after each evaluation, shape ``(evaluations,)``.
        tokens: Prompt and generated tokens.
        calls: Answers of the model.
        seconds: Working time.
        fallbacks: Share of what the model was asked that a stand-in gave.
    """

    cell: Cell
    gaps: NDArray[np.float64]
    tokens: int
    calls: int
    seconds: float
    fallbacks: float


def measure(
    cell: Cell,
    connect: Callable[[], LanguageModel],
    *,
    executor: Executor | None = None,
    path: Path | None = None,
    display: bool = False,
) -> Row:
    """Run one cell; a folder that holds a part of it is continued.

    Raises:
        EvollmError: If the model can't be used.
        KeyboardInterrupt: If the run was interrupted.
    """
    problem, space, optimum = bbob(cell.function, cell.dimension, cell.seed + 1)
    model = connect() if cell.method in MODELS else None
    search = strategy_of(cell.method).flow(model, space, (), cell.seed)  # type: ignore[arg-type]
    budget = Budget(evaluations=cell.evaluations)
    progress = Progress(lambda fitness: f"{-fitness - optimum:.4g} above the optimum")
    callbacks = [progress] if display else []
    result = run(search, problem, budget=budget, executor=executor, path=path, callbacks=callbacks)
    if result.stopped == "interrupted":
        raise KeyboardInterrupt
    usage = result.usage
    gaps = np.maximum(-best_so_far(result.record) - optimum, 0.0)
    return Row(cell, gaps, usage.tokens, usage.calls, usage.seconds, result.fallback_share)


def table(rows: Iterable[Row]) -> str:
    """Return a text table: for each problem and method the last gap's median and range."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row.cell.problem, row.cell.method), []).append(row)
    head = ("problem", "method", "median", "best", "worst", "runs", "calls", "tokens", "fall-backs")
    lines = [head, *(_line(*key, found) for key, found in grouped.items())]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = [_justified(line, widths) for line in lines]
    return "\n".join([text[0], "-" * len(text[0]), *_sections(text[1:], lines[1:])])


def _line(problem: str, method: str, rows: Sequence[Row]) -> tuple[str, ...]:
    last = [row.gaps[-1] for row in rows]
    figures = [f"{figure:.3g}" for figure in (np.median(last), min(last), max(last))]
    asked = method in MODELS
    share = f"{np.mean([row.fallbacks for row in rows]):.0%}" if asked else "-"
    calls = f"{np.mean([row.calls for row in rows]):.0f}" if asked else "-"
    tokens = f"{np.mean([row.tokens for row in rows]):.0f}" if asked else "-"
    return (problem, TITLES[method], *figures, str(len(rows)), calls, tokens, share)


def _justified(line: Sequence[str], widths: Sequence[int]) -> str:
    words = [line[0].ljust(widths[0]), line[1].ljust(widths[1])]
    words += [word.rjust(width) for word, width in zip(line[2:], widths[2:], strict=True)]
    return "  ".join(words)


def _sections(text: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """Put an empty line between problems."""
    parted: list[str] = []
    for i, line in enumerate(text):
        if i and lines[i][0] != lines[i - 1][0]:
            parted.append("")
        parted.append(line)
    return parted


def curves(rows: Iterable[Row]) -> Mapping[str, Mapping[str, Sequence[NDArray[np.float64]]]]:
    """Return the rows' gaps by problem and method's title, for ``plot_methods``."""
    panels: dict[str, dict[str, list[NDArray[np.float64]]]] = {}
    for row in rows:
        panel = panels.setdefault(row.cell.problem, {})
        panel.setdefault(TITLES[row.cell.method], []).append(row.gaps)
    return panels
