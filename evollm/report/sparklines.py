"""Sparklines: curves as lines of block characters."""

from bisect import bisect_right
from collections.abc import Sequence
from math import isfinite, log
from typing import NamedTuple

from evollm.report.page import Curve

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 40
"""Number of characters of a line."""

Points = Sequence[tuple[float, float]]


class Spark(NamedTuple):
    """One line of a curve.

    Attributes:
        name: Name of the line.
        blocks: The line as block characters, with a blank where it has no value yet.
        ends: Its first and last value as text.
    """

    name: str
    blocks: str
    ends: str


def sparks(curve: Curve, width: int = WIDTH) -> list[Spark]:
    """Return the lines of a curve on common axes; lines without points are left out.

    The vertical axis is logarithmic where that of a figure would be.

    Args:
        curve: The curve.
        width: Number of characters, at least 2.
    """
    lines = {name: [(x, y) for x, y in line if isfinite(y)] for name, line in curve.lines.items()}
    values = [y for line in lines.values() for _, y in line]
    places = [x for line in lines.values() for x, _ in line]
    if not values:
        return []
    scale = log if span(values) > 1 else float
    low, high = scale(min(values)), scale(max(values))
    first, last = min(places), max(places)
    step = (last - first) / (width - 1)
    columns = [first + step * i for i in range(width if step else 1)]

    def block(value: float) -> str:
        share = (scale(value) - low) / (high - low) if high > low else 0.0
        return BLOCKS[min(len(BLOCKS) - 1, int(share * len(BLOCKS)))]

    return [
        Spark(
            name,
            "".join(" " if y is None else block(y) for y in _sampled(line, columns)),
            f"{line[0][1]:.4g} to {line[-1][1]:.4g}",
        )
        for name, line in lines.items()
        if line
    ]


def _sampled(line: Points, columns: Sequence[float]) -> list[float | None]:
    """Return the last value at or before each column."""
    places = [x for x, _ in line]
    found = [bisect_right(places, column + 1e-9) for column in columns]
    return [line[i - 1][1] if i else None for i in found]


def span(values: Sequence[float]) -> float:
    """Return how often the largest value is the smallest, or 1 where a linear axis is better."""
    found = max(values) / min(values) if len(values) and min(values) > 0 else 1.0
    return found if found > 4 else 1.0
