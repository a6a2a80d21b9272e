"""Figures of a search for prompts: accuracy against length, the best so far, a front."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evollm.report.curves import best_so_far
from evollm.report.plots import STYLES, legend, panels, saved
from evollm.types import JSON
from problems.prompts.pruned import Pruned

SEARCH, TESTED = STYLES[4]["color"], STYLES[1]["color"]


def plot_curve(pruned: Pruned, file: str | Path) -> Path:
    """Draw accuracy against length, and beside it the best search score so far.

    For each length the prompt with the best search score is shown by its accuracy on the search
    examples; the unpruned and the chosen prompt also by theirs on the test examples, with one
    standard error.

    Args:
        pruned: What a search came to.
        file: Where to put the figure; its ending says the format.

    Returns:
        The file.

    Raises:
        EvollmError: If matplotlib is not installed, or the file can't be written.
    """
    drawn, (lengths, course) = panels(2)
    _draw_lengths(lengths, pruned)
    _draw_course(course, pruned)
    legend(drawn, lengths, course)
    return saved(drawn, file)


def plot_front(members: Sequence[Mapping[str, JSON]], metric: str, file: str | Path) -> Path:
    """Draw the prompts of a front: a metric against length.

    Args:
        members: Each with ``tokens``, and by set (``search``, ``select``) the metrics.
        metric: What is drawn.
        file: Where to put the figure; its ending says the format.

    Returns:
        The file.

    Raises:
        EvollmError: If matplotlib is not installed, or the file can't be written.
    """
    drawn, (axes,) = panels(1)
    for part, colour, style in (("search", SEARCH, "-o"), ("select", TESTED, "s")):
        found = [(one["tokens"], one[part][metric]) for one in members if part in one]
        if found:
            x, y = zip(*found, strict=True)
            face = colour if part == "search" else "none"
            label = "search examples" if part == "search" else "selection examples"
            axes.plot(x, y, style, color=colour, markerfacecolor=face, label=label)
    _label(axes, metric)
    legend(drawn, axes)
    return saved(drawn, file)


def _draw_lengths(axes: Any, pruned: Pruned) -> None:
    metric = pruned.system.task.headline
    x, y = [point[0] for point in pruned.points], [point[2] for point in pruned.points]
    label = "best prompt of a length, search examples"
    axes.plot(x, y, "-o", color=SEARCH, markersize=3.5, linewidth=1.2, label=label)
    whole = len(pruned.mask)
    for scores, at, name, mark in (
        (pruned.unpruned, whole, "unpruned", "s"),
        (pruned.scores, int(np.sum(pruned.mask)), "pruned", "D"),
    ):
        if "test" in scores:
            _draw_test(axes, scores["test"][metric], at, f"{name}, test examples", mark)
    _label(axes, metric)


def _label(axes: Any, metric: str) -> None:
    axes.set(xlabel="prunable tokens kept", ylabel=metric)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def _draw_test(axes: Any, score: Any, at: int, label: str, mark: str) -> None:
    axes.errorbar(
        [at],
        [score.mean],
        yerr=[score.error],
        fmt=mark,
        color=TESTED,
        markerfacecolor="white",
        markersize=7,
        capsize=3,
        elinewidth=1.2,
        label=label,
        zorder=3,
    )


def _draw_course(axes: Any, pruned: Pruned) -> None:
    best = best_so_far(pruned.result.record)
    at = np.arange(1, len(best) + 1)
    seen = np.isfinite(best)
    units = pruned.system.units["fitness"]
    values = [units.value(value) for value in best[seen]]
    axes.step(at[seen], values, where="post", color="black", label="best so far")
    axes.set(xlabel="prompts scored", ylabel=f"search: {units.name}")
