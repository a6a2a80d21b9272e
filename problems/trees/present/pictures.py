"""The figure of a Pareto front of trees."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evollm.errors import EvollmError
from evollm.report.plots import STYLES, legend, panels, saved
from evollm.types import JSON


def plot_front(
    members: Sequence[Mapping[str, JSON]], objectives: Sequence[str], file: str | Path
) -> Path:
    """Plot the first objective against each other one, with every tree labelled by its size.

    Filled points are scores on the training rows, which determine the front; hollow points are
    scores on the test rows, if any.

    Args:
        members: The front's trees: ``size``, ``depth``, and other objectives by name under
            ``train`` and, if there are test rows, ``test``.
        objectives: Two or more.
        file: The file to write.

    Returns:
        The file.

    Raises:
        EvollmError: If there are fewer objectives, or matplotlib is not installed.
    """
    if len(objectives) < 2:
        raise EvollmError("a figure of a front needs at least two objectives")
    first, *others = objectives
    figure, row = panels(len(others))
    colour = STYLES[4]["color"]
    for axes, other in zip(row, others, strict=True):
        for part, full in (("train", True), ("test", False)):
            points = list(_points([one for one in members if part in one], other, first, part))
            if not (points or full):
                continue
            x, y = [point[0] for point in points], [point[1] for point in points]
            face = colour if full else "none"
            axes.scatter(x, y, facecolors=face, edgecolors=colour, label=f"{part} rows")
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
    legend(figure, *row, title="labels: size")
    return saved(figure, file)


def _points(
    members: Sequence[Mapping[str, JSON]], across: str, up: str, part: str
) -> Iterator[tuple[float, float, int]]:
    """Yield two objectives on some rows and the size, without trees that lack a value."""
    for member in members:
        x, y = (member[name] if name in member else member[part][name] for name in (across, up))
        if x is not None and y is not None:
            yield float(x), float(y), int(member["size"])
