"""Pictures of searches for trees: a Pareto front, and how efficient methods are."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.paths import anchored
from evollm.types import JSON

Curves = Mapping[str, Sequence[NDArray[np.float64]]]
"""By method, one array a seed: the best value after each evaluation."""


def plot_front(
    members: Sequence[Mapping[str, JSON]], objectives: Sequence[str], file: str | Path
) -> Path:
    """Draw the first objective against each other one, every tree labelled with its size.

    Full points are the training rows, which the front is made by, hollow ones the test rows.

    Args:
        members: The front's trees: ``size``, ``depth``, and other objectives by name below
            ``train`` and ``test``.
        objectives: Two or more.
        file: Where to put the picture.

    Returns:
        The file.

    Raises:
        EvollmError: If there are fewer objectives, or matplotlib is not installed.
    """
    if len(objectives) < 2:
        raise EvollmError("a picture of a front needs two objectives or more")
    first, *others = objectives
    figure, row = _figure(len(others))
    for axes, other in zip(row, others, strict=True):
        for part, full in (("train", True), ("test", False)):
            points = list(_points(members, other, first, part))
            x, y = [point[0] for point in points], [point[1] for point in points]
            colour = "tab:blue" if full else "none"
            axes.scatter(x, y, facecolors=colour, edgecolors="tab:blue", label=f"{part} rows")
            if full:
                for across, up, size in points:
                    axes.annotate(
                        str(size),
                        (across, up),
                        textcoords="offset points",
                        xytext=(5, 4),
                        fontsize=8,
                    )
        axes.set(xlabel=other.replace("_", " "), ylabel=first.replace("_", " "))
    row[0].legend(frameon=False, fontsize=8, title="labels: size", title_fontsize=8)
    figure.savefig(anchored(file), dpi=120)
    return anchored(file)


def _points(
    members: Sequence[Mapping[str, JSON]], across: str, up: str, part: str
) -> Iterator[tuple[float, float, int]]:
    """Yield two objectives on some rows, and the size; trees without a value are left out."""
    for member in members:
        x, y = (member[name] if name in member else member[part][name] for name in (across, up))
        if x is not None and y is not None:
            yield float(x), float(y), int(member["size"])


def plot_efficiency(panels: Mapping[str, Curves], file: str | Path, label: str) -> Path:
    """Draw methods side by side, a panel a data set: the mean over seeds, and one deviation.

    Args:
        panels: Curves by data set, at least one; within a panel they are cut to the shortest.
        file: Where to put the picture.
        label: What the values are.

    Returns:
        The file.

    Raises:
        EvollmError: If a method has no curve, or matplotlib is not installed.
    """
    figure, row = _figure(len(panels))
    for axes, (title, curves) in zip(row, panels.items(), strict=True):
        for method, (mean, spread) in averaged(curves).items():
            at = np.arange(1, len(mean) + 1)
            line = axes.plot(at, mean, label=method)[0]
            axes.fill_between(at, mean - spread, mean + spread, alpha=0.12, color=line.get_color())
        axes.set(xlabel="evaluations", ylabel=label, title=title)
    row[0].legend(frameon=False, fontsize=8)
    figure.savefig(anchored(file), dpi=120)
    return anchored(file)


def averaged(curves: Curves) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return every method's mean over the seeds and their standard deviation (0 for one seed).

    Args:
        curves: As in ``Curves``; all are cut to the length of the shortest.

    Raises:
        EvollmError: If a method has no curve, or one is empty.
    """
    lengths = [len(run) for runs in curves.values() for run in runs]
    if not lengths or min(lengths) < 1 or not all(len(runs) for runs in curves.values()):
        raise EvollmError("methods are compared by at least one curve each, of one value or more")
    found = {}
    for method, runs in curves.items():
        rows = np.array([run[: min(lengths)] for run in runs], dtype=np.float64)
        spread = rows.std(axis=0, ddof=1) if len(rows) > 1 else np.zeros(rows.shape[1])
        found[method] = rows.mean(axis=0), spread
    return found


def _figure(panels: int) -> tuple[Any, Sequence[Any]]:
    """Make a figure with panels in a row, without a window system."""
    if panels < 1:
        raise EvollmError("a picture needs at least one panel")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise EvollmError("a picture needs matplotlib: pip install 'evollm[trees]'") from None
    figure = Figure(figsize=(5.2 * panels, 3.8), layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False)[0]
