"""Axes: positions of values from 0 to 1, and few round ticks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import TypeAlias

TICKS = 5
"""Ticks of an axis at most, or about that."""

RATIO = 20.0
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""


Points: TypeAlias = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis.

    Attributes:
        low: Its lower end.
        high: Its upper end, which is larger.
        log: Whether it is logarithmic; then both ends are positive.
        whole: Whether its values are whole numbers, as counts are.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def at(self, value: float) -> float:
        """Return where a value is: 0 at the lower end, 1 at the upper one."""
        if self.log:
            low = log10(self.low)
            return (log10(max(value, self.low)) - low) / (log10(self.high) - low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> Sequence[float]:
        """Return round values on the axis."""
        return _powers(self) if self.log else _rounded(self)


def _rounded(scale: Scale) -> list[float]:
    size = _round(scale.high - scale.low) / TICKS
    if scale.whole:
        size = max(size, 1.0)
    power = 10.0 ** floor(log10(size))
    step = next(one * power for one in (1, 2, 5, 10) if one * power >= size * (1 - 1e-9))
    first, last = ceil(scale.low / step - 1e-9), floor(scale.high / step + 1e-9)
    return [_round(n * step) for n in range(first, last + 1)]


def _powers(scale: Scale) -> list[float]:
    first, last = ceil(log10(scale.low) - 1e-9), floor(log10(scale.high) + 1e-9)
    whole = [10.0**n for n in range(first, last + 1)]
    if len(whole) > 2:
        return whole[:: -(-len(whole) // (TICKS + 1))]
    powers = [10.0**n for n in range(first - 1, last + 1)]
    finer = [_round(one * power) for power in powers for one in (1, 2, 5)]
    return [one for one in finer if scale.low <= one <= scale.high]


def _round(value: float) -> float:
    return float(f"{value:.12g}")


def finite(line: Points) -> Points:
    """Return the points of a line that can be drawn."""
    return [(x, y) for x, y in line if isfinite(x) and isfinite(y)]


def spanning(values: Iterable[float], log: bool | None = None, zero: bool = False) -> Scale:
    """Return an axis that holds finite values; there must be at least one.

    Args:
        values: What it holds.
        log: Whether it is logarithmic; None for a logarithmic one if all values are positive and
            span a large ratio.
        zero: Whether a linear one begins at 0.
    """
    found = list(values)
    low, high = min(found), max(found)
    if log is None:
        log = low > 0 and high / low >= RATIO
    if log:
        return Scale(low, high, True) if high > low else Scale(low / 2, high * 2, True)
    whole = all(value == int(value) for value in found)
    low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        room = max(abs(high) / 2, 1.0) if whole else abs(high) / 2 or 1.0
        low, high = low - room, high + room
    return Scale(low, high, whole=whole)


def label(value: float) -> str:
    """Return a tick's value as a short text."""
    return f"{value:,.7g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
