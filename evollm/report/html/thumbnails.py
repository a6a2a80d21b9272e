"""Curves as small SVG pictures, which need no style sheet: for notebooks."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element

from evollm.report.html.elements import node
from evollm.report.html.scales import Points, finite
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


def thumbnail(curve: Curve) -> Element | None:
    """Return a curve's lines as an SVG element; None if there is no finite point.

    Points that are not finite are left out, and long lines are thinned out.
    """
    lines = {name: finite(points) for name, points in curve.lines.items()}
    everything = [point for points in lines.values() for point in points]
    if not everything:
        return None
    across = _Range(min(x for x, _ in everything), max(x for x, _ in everything))
    up = _Range(min(y for _, y in everything), max(y for _, y in everything))
    drawn = [
        _line(_corners(_thin(points), curve.step), across, up, COLOURS[i % len(COLOURS)])
        for i, points in enumerate(lines.values())
        if points
    ]
    keys = _keys(list(lines)) if len(lines) > 1 else []
    return node(
        "svg",
        *_frame(curve, across, up),
        *drawn,
        *keys,
        role="img",
        aria_label=f"{curve.title}: {curve.y} against {curve.x}",
        width=WIDTH,
        height=HEIGHT,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        font_family="sans-serif",
        font_size=11,
        fill="currentColor",
    )


def _frame(curve: Curve, across: _Range, up: _Range) -> list[Element]:
    """Return the title, the two axes with their names, and the ends of their ranges."""
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    axes = node(
        "path",
        d=f"M{LEFT},{TOP}V{floor}H{right}",
        fill="none",
        stroke="currentColor",
        stroke_opacity=0.4,
    )
    apart = up.high > up.low
    texts = [
        _text(LEFT, TOP - 10, curve.title),
        _text(LEFT - 5, TOP + 4 if apart else (TOP + floor) / 2 + 4, f"{up.high:.4g}", "end"),
        _text(LEFT, floor + 14, f"{across.low:.4g}"),
        _text((LEFT + right) / 2, floor + 14, curve.x, "middle"),
    ]
    if apart:
        texts.append(_text(LEFT - 5, floor, f"{up.low:.4g}", "end"))
    if across.high > across.low:
        texts.append(_text(right, floor + 14, f"{across.high:.4g}", "end"))
    return [axes, *texts]


def _line(points: Points, across: _Range, up: _Range, colour: str) -> Element:
    """Return a line through points, or a dot for a single one."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    places = [
        (LEFT + across.share(x) * wide, HEIGHT - BOTTOM - up.share(y) * high) for x, y in points
    ]
    if len(places) == 1:
        [(x, y)] = places
        return node("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=2.5, fill=colour)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return node("polyline", points=path, fill="none", stroke=colour, stroke_width=1.5)


def _corners(points: Points, step: bool) -> Points:
    """Return points with the corners of a staircase between them, if the line is one."""
    if not step:
        return points
    corners = [(x, y) for (_, y), (x, _) in pairwise(points)]
    return [points[0], *(one for pair in zip(corners, points[1:], strict=True) for one in pair)]


def _keys(names: Sequence[str]) -> list[Element]:
    """Return the names of several lines in their colours, below the horizontal axis."""
    step = (WIDTH - LEFT - RIGHT) / len(names)
    return [
        node("g", _text(LEFT + i * step, HEIGHT - 4, name), fill=COLOURS[i % len(COLOURS)])
        for i, name in enumerate(names)
    ]


def _thin(points: Points) -> Points:
    """Return at most ``_MOST`` points and the last one."""
    step = -(-len(points) // _MOST)
    return [*points[:-1:step], points[-1]]


def _text(x: float, y: float, words: str, anchor: str = "start") -> Element:
    return node("text", words, x=f"{x:g}", y=f"{y:g}", text_anchor=anchor)
