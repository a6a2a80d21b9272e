"""Curves as small inline SVG pictures, which need no library and no file."""

from collections.abc import Sequence
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from evollm.report.page import Curve

WIDTH, HEIGHT = 360, 150
"""Size of a picture in pixels."""

LEFT, RIGHT, TOP, BOTTOM = 64, 12, 24, 34
"""Margins around the lines in pixels: labels of the axes, and the title."""

COLOURS = ("#0b6ab0", "#e07b00", "#1a9e77", "#c2185b", "#7a5195", "#808080")
"""Colours of the lines, in their order; they repeat if there are more lines."""

_MOST = 300  # points of a line; a picture has fewer pixels than a long run has evaluations


class _Range(NamedTuple):
    low: float
    high: float

    def share(self, value: float) -> float:
        """Return where a value lies in the range, 0 to 1; in the middle if the range is a point."""
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5


def svg(curve: "Curve") -> str:
    """Return a curve as an SVG element, with all text escaped.

    Points that are not finite are left out, and long lines are thinned out.

    Args:
        curve: The lines, with the names of the axes.

    Returns:
        The element; an empty string if there is no finite point.
    """
    lines = {
        name: [point for point in points if all(map(isfinite, point))]
        for name, points in curve.lines.items()
    }
    everything = [point for points in lines.values() for point in points]
    if not everything:
        return ""
    across = _Range(min(x for x, _ in everything), max(x for x, _ in everything))
    up = _Range(min(y for _, y in everything), max(y for _, y in everything))
    drawn = [
        _line(_thin(points), across, up, COLOURS[i % len(COLOURS)])
        for i, points in enumerate(lines.values())
        if points
    ]
    keys = _keys(list(lines)) if len(lines) > 1 else []
    body = "".join([*_frame(curve, across, up), *drawn, *keys])
    label = escape(f"{curve.title}: {curve.y} against {curve.x}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" '
        f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="11" fill="currentColor">{body}</svg>'
    )


def _frame(curve: "Curve", across: _Range, up: _Range) -> list[str]:
    """Return the title, the two axes with their names, and the ends of their ranges."""
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    axes = f"M{LEFT},{TOP}V{floor}H{right}"
    apart = up.high > up.low
    return [
        f'<path d="{axes}" fill="none" stroke="currentColor" stroke-opacity="0.4"/>',
        _text(LEFT, TOP - 10, f"{curve.title}: {curve.y}"),
        _text(LEFT - 5, TOP + 4 if apart else (TOP + floor) / 2 + 4, f"{up.high:.4g}", "end"),
        _text(LEFT - 5, floor, f"{up.low:.4g}", "end") if apart else "",
        _text(LEFT, floor + 14, f"{across.low:.4g}"),
        _text(right, floor + 14, f"{across.high:.4g}", "end") if across.high > across.low else "",
        _text((LEFT + right) / 2, floor + 14, curve.x, "middle"),
    ]


def _line(points: Sequence[tuple[float, float]], across: _Range, up: _Range, colour: str) -> str:
    """Return a line through points, or a dot for a single one."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    places = [
        (LEFT + across.share(x) * wide, HEIGHT - BOTTOM - up.share(y) * high) for x, y in points
    ]
    if len(places) == 1:
        [(x, y)] = places
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _keys(names: Sequence[str]) -> list[str]:
    """Return the names of several lines in their colours, below the horizontal axis."""
    step = (WIDTH - LEFT - RIGHT) / len(names)
    return [
        f'<g fill="{COLOURS[i % len(COLOURS)]}">{_text(LEFT + i * step, HEIGHT - 4, name)}</g>'
        for i, name in enumerate(names)
    ]


def _thin(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Return at most ``_MOST`` points and the last one."""
    step = -(-len(points) // _MOST)
    return [*points[:-1:step], points[-1]]


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'
