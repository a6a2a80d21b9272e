"""Figures: sizes, colours and line styles; curves of one run or several methods."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.paths import anchored
from evollm.report.sections import units_of
from evollm.store import rows
from evollm.store.record import Record

Curves = Mapping[str, Sequence[NDArray[np.float64]]]
"""By method, an array of shape ``(n, 2)`` per seed: evaluations, and the best value so far."""

WIDTH, HEIGHT, LEGEND, DPI = 4.4, 2.7, 0.5, 150
"""Sizes of a panel and of the legend in inches, and resolution of a figure in dots per inch."""

STYLES: tuple[Mapping[str, Any], ...] = (
    {"color": "#a6a6a6", "linestyle": (0, (1, 1.1)), "marker": "X"},
    {"color": "#e07b00", "linestyle": (0, (5, 1.5)), "marker": "s"},
    {"color": "#1a9e77", "linestyle": (0, (5, 1.2, 1, 1.2)), "marker": "^"},
    {"color": "#c2185b", "linestyle": (0, (2.2, 1)), "marker": "D"},
    {"color": "#0b3d91", "linestyle": "-", "marker": "o"},
    {"color": "#000000", "linestyle": (0, (8, 1.5, 1, 1.5, 1, 1.5)), "marker": "v"},
    {"color": "#5ab4e5", "linestyle": (0, (9, 2)), "marker": "P"},
)
"""The methods' colours, dashes and end markers; they also differ in grey."""

THIN: Mapping[str, Any] = {"linewidth": 0.8, "alpha": 0.5, "drawstyle": "steps-post"}
"""The style of a single seed; the median is a thick line."""


def best_so_far(record: Record) -> NDArray[np.float64]:
    """Return the best fitness after each evaluation, in the order of jobs; shape (n,).

    It is minus infinity as long as no solution is feasible.

    If the algorithm names the best, it is the one named at the end of each step.
    """
    found = np.array(rows.fitnesses(record, eligible=True), dtype=np.float64)
    named = rows.named(record)
    if not named:
        return np.maximum.accumulate(found)
    last = dict(named)
    steps = rows.steps(record)
    best, known = np.empty(len(found)), -np.inf
    for i, step in enumerate(steps):
        whole = i + 1 == len(steps) or steps[i + 1] > step
        known = last.get(step, known) if whole else known
        best[i] = known if np.isfinite(known) else found[: i + 1].max()
    return best


def drawn_files(file: Path, drawing: Callable[[Path], Path]) -> list[str]:
    """Draw a figure where it can be drawn, and leave no old one where it can't.

    Args:
        file: Where to save it.
        drawing: Draws it, or raises an ``EvollmError`` where matplotlib is not installed.

    Returns:
        The file's name; nothing if it could not be drawn.
    """
    try:
        drawing(file)
    except EvollmError:
        file.unlink(missing_ok=True)
        return []
    return [file.name]


def plot_run(record: Record, file: Path) -> Path:
    """Plot a run's best value and all single values against the number of evaluations.

    Args:
        record: The run, with the units of the values.
        file: The file to write; its suffix determines the format.

    Returns:
        The file.

    Raises:
        EvollmError: If matplotlib is not installed, or the file can't be written.
    """
    units = units_of(record)["fitness"]
    found = np.array(rows.fitnesses(record))
    drawn, (axes,) = panels(1)
    at = np.arange(1, len(found) + 1)
    finite = np.isfinite(found)
    values = [units.value(one) for one in found[finite]]
    axes.plot(at[finite], values, ".", color="0.7", label="evaluated")
    best = best_so_far(record)
    seen = np.isfinite(best)
    curve = [units.value(one) for one in best[seen]]
    axes.step(at[seen], curve, where="post", color=STYLES[4]["color"], label="best so far")
    axes.set(xlabel="evaluations", ylabel=units.name)
    _scale(axes, values)
    legend(drawn, axes)
    return saved(drawn, file)


def plot_methods(by_panel: Mapping[str, Curves], file: Path, label: str) -> None:
    """Plot methods side by side: the median over the seeds thick, every seed thin.

    Args:
        by_panel: Curves by panel title; a method has the same style in all panels.
        file: The file to write; its suffix determines the format.
        label: Name of the values.

    Raises:
        EvollmError: If there are no panels, a method has no curve or an empty one, there are more
            methods than styles, or matplotlib is not installed.
    """
    if not all(len(run) for curves in by_panel.values() for run in _all(curves)):
        raise EvollmError("a figure of methods needs a curve of at least one value for each method")
    methods = list(dict.fromkeys(chain.from_iterable(by_panel.values())))
    styles = dict(zip(methods, distinct(len(methods)), strict=True))
    drawn, row = panels(len(by_panel))
    for axes, (title, curves) in zip(row, by_panel.items(), strict=True):
        for method, runs in curves.items():
            _draw(axes, method, runs, styles[method])
        axes.set_title(title)
        _scale(axes, [value for run in _all(curves) for value in run[:, 1]])
    if any(len(runs) > 1 for curves in by_panel.values() for runs in curves.values()):
        row[0].plot([], [], **THIN, color="black", label="single seeds (thick: median)")
    drawn.supxlabel("evaluations")
    drawn.supylabel(label)
    legend(drawn, *row)
    saved(drawn, file)


def _all(curves: Curves) -> list[NDArray[np.float64]]:
    """Return the curves of all methods; a method without curves counts as an empty curve."""
    return [run for runs in curves.values() for run in runs or [np.empty((0, 2))]]


def _draw(
    axes: Any, method: str, runs: Sequence[NDArray[np.float64]], style: Mapping[str, Any]
) -> None:
    """Draw the seeds of a method, and their median over the common length."""
    if len(runs) > 1:
        for run in runs:
            axes.plot(run[:, 0], run[:, 1], **THIN, color=style["color"], zorder=1)
    length = min(map(len, runs))
    median = np.median([run[:length, 1] for run in runs], axis=0)
    thick = {"linewidth": 2.2, "drawstyle": "steps-post", "label": method, "zorder": 2}
    thick |= {"markersize": 7, "markevery": [-1], "clip_on": False}
    axes.plot(runs[0][:length, 0], median, **style, **thick)


def distinct(count: int) -> Sequence[Mapping[str, Any]]:
    """Return line styles that can be distinguished in grey.

    Raises:
        EvollmError: If there are not that many.
    """
    if count > len(STYLES):
        raise EvollmError(
            f"a figure can distinguish at most {len(STYLES)} methods, not {count}: choose fewer"
        )
    return STYLES[:count]


def figure(width: float, height: float) -> Any:
    """Return an empty matplotlib figure that needs no window system.

    Args:
        width: In inches.
        height: In inches.

    Raises:
        EvollmError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise EvollmError("a figure needs matplotlib: pip install matplotlib") from None
    return Figure(figsize=(width, height), layout="constrained")


def saved(drawn: Any, file: str | Path) -> Path:
    """Write a figure to a file, whose suffix determines the format; return the absolute path.

    Raises:
        EvollmError: If it can't be written.
    """
    place = anchored(file)
    try:
        drawn.savefig(place, dpi=DPI)
    except OSError as error:
        raise EvollmError(f"can't write the picture {file}: {error.strerror}") from None
    return place


def panels(count: int) -> tuple[Any, list[Any]]:
    """Return a figure and its panels, in one row for up to three, otherwise in rows of two.

    Raises:
        EvollmError: If the count is 0, or matplotlib is not installed.
    """
    if count < 1:
        raise EvollmError("a figure needs at least one panel")
    columns = count if count <= 3 else 2
    rows = -(-count // columns)
    drawn = figure(WIDTH * columns, HEIGHT * rows + LEGEND)
    row = list(drawn.subplots(rows, columns, squeeze=False).flat)
    for axes in row:
        axes.spines[["top", "right"]].set_visible(False)
    for axes in row[count:]:
        axes.set_axis_off()
    return drawn, row[:count]


def legend(drawn: Any, *row: Any, title: str | None = None) -> None:
    """Add one legend for all panels above the axes."""
    handles: dict[str, Any] = {}
    for axes in row:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    across = 3 if drawn.get_figwidth() > WIDTH else 2
    drawn.legend(
        handles.values(),
        handles.keys(),
        loc="outside upper center",
        ncols=min(across, len(handles)),
        frameon=False,
        handlelength=3.2,
        title=title,
    )


def _scale(axes: Any, values: Sequence[float]) -> None:
    """Use a logarithmic axis if the largest value is much larger than the smallest positive one."""
    from matplotlib.ticker import LogLocator, NullFormatter

    span = max(values) / min(values) if len(values) and min(values) > 0 else 1
    if span <= 4:
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1,) if span > 1000 else (1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
