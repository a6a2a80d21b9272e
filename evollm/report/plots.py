"""Plots: best-so-far curves, of one run or of several methods side by side."""

from collections.abc import Mapping, Sequence
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
"""By method, one array a seed: the best value after each evaluation."""


def best_so_far(record: Record) -> NDArray[np.float64]:
    """Return the best fitness after each evaluation, in the order of jobs; shape (n,).

    Where the algorithm names the best, it is the one named at the end of each step.
    """
    found = np.array(rows.fitnesses(record), dtype=np.float64)
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


def plot_run(record: Record, file: Path) -> Path:
    """Draw a run's best value against its evaluations, over the single evaluations.

    Args:
        record: The run, whose units say what is drawn.
        file: Where to put the picture; its ending says the format.

    Returns:
        The file.

    Raises:
        EvollmError: If matplotlib is not installed, or the file can't be written.
    """
    units = units_of(record)["fitness"]
    found = np.array(rows.fitnesses(record))
    figure, axes = _figure(1, 1)
    axes = axes[0][0]
    at = np.arange(1, len(found) + 1)
    finite = np.isfinite(found)
    values = [units.value(one) for one in found[finite]]
    axes.plot(at[finite], values, ".", color="0.7", label="evaluated")
    best = best_so_far(record)
    seen = np.isfinite(best)
    shown = [units.value(one) for one in best[seen]]
    axes.step(at[seen], shown, where="post", label="best so far")
    axes.set(xlabel="evaluations", ylabel=units.name)
    _scale(axes, values)
    axes.legend(frameon=False)
    _save(figure, file)
    return file


def plot_methods(panels: Mapping[str, Curves], file: Path, label: str) -> None:
    """Draw methods side by side, a panel for each problem: the median over seeds, and the range.

    Args:
        panels: Curves by problem; smaller values are better.
        file: Where to put the picture.
        label: What the values are.
    """
    columns = min(2, len(panels))
    figure, grid = _figure(-(-len(panels) // columns), columns)
    for axes, (title, curves) in zip(
        [a for row in grid for a in row], panels.items(), strict=False
    ):
        for method, runs in curves.items():
            length = min(map(len, runs))
            rows = np.array([run[:length] for run in runs])
            at = np.arange(1, length + 1)
            line = axes.plot(at, np.median(rows, axis=0), label=method)[0]
            axes.fill_between(
                at, rows.min(axis=0), rows.max(axis=0), alpha=0.12, color=line.get_color()
            )
        axes.set(xlabel="evaluations", ylabel=label, title=title)
        _scale(axes, [one for runs in curves.values() for run in runs for one in run])
    grid[0][0].legend(frameon=False, fontsize=8)
    _save(figure, file)


def _save(figure: Any, file: Path) -> None:
    try:
        figure.savefig(anchored(file), dpi=120)
    except OSError as error:
        raise EvollmError(f"can't write the picture {file}: {error.strerror}") from None


def _figure(rows: int, columns: int) -> tuple[Any, Any]:
    """Make a figure without a window system."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise EvollmError("a plot needs matplotlib: pip install 'evollm[blackbox]'") from None
    figure = Figure(figsize=(5.2 * columns, 3.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _scale(axes: Any, values: Sequence[float]) -> None:
    """Use a logarithmic axis where positive values span orders of magnitude."""
    if len(values) and min(values) > 0 and max(values) > 10 * min(values):
        axes.set_yscale("log")
