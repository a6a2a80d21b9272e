"""Curves and distributions as SVG that fits any width: heights are pixels, widths are shares."""

from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from evollm.report.html.elements import node
from evollm.report.html.scales import Points, Scale, finite, label, spanning
from evollm.report.page import Bars, Curve

HEIGHT, TOP, FOOT = 240, 10, 42
"""Pixels of the plotting area, above it, and below it for the horizontal axis."""

WIDE = 1000
"""Units across the plotting area, which the browser stretches to the width that there is."""

APART, LONGEST = 15, 22
"""Pixels between the names of two lines, and characters of such a name."""

STYLES = 7
"""Styles of lines that can be told apart; a further line has the style of an earlier one."""


def chart(of: Curve | Bars) -> Element:
    """Return a plot with its title, axes and note."""
    return _curve(of) if isinstance(of, Curve) else _bars(of)


def _curve(curve: Curve) -> Element:
    lines = {name: found for name, line in curve.lines.items() if (found := finite(line))}
    dots = {name: found for name, line in curve.dots.items() if (found := finite(line))}
    thin = {name: [finite(one) for one in curve.singles.get(name, ())] for name in lines}
    singles = [(i, one) for i, own in enumerate(thin.values()) for one in own if one]
    shown = (*lines.values(), *dots.values(), *(one for _, one in singles))
    points = [point for line in shown for point in line]
    if not points:
        return _figure(curve, [], node("p", "There are no values to show.", class_="note"))
    across = spanning((x for x, _ in points), log=False)
    up = Scale(*curve.ends) if curve.ends else spanning(y for _, y in points)
    drawn = [
        *(_path("dots", _spots(line, across, up)) for line in dots.values()),
        *(
            _path(f"single s{place % STYLES}", _joined(line, across, up, curve.step))
            for place, line in singles
        ),
        *(
            _path(f"line s{place % STYLES}", _joined(line, across, up, curve.step))
            for place, line in enumerate(lines.values())
        ),
    ]
    direct = len(lines) > 1
    ends = [_ends(lines, up)] if direct else []
    return _figure(curve, _legend(lines, dots), _plot(curve, across, up, drawn, ends), direct)


def _bars(bars: Bars) -> Element:
    if not bars.bars:
        return _figure(bars, [], node("p", "There are no values to show.", class_="note"))
    across = spanning((end for low, high, _ in bars.bars for end in (low, high)), log=bars.log)
    up = spanning((height for *_, height in bars.bars), log=False, zero=True)
    parts = [
        f"M{_x(low, across)} {HEIGHT}V{_y(height, up)}H{_x(high, across)}V{HEIGHT}Z"
        for low, high, height in bars.bars
        if height
    ]
    return _figure(bars, [], _plot(bars, across, up, [_path("bar", "".join(parts))]))


def _figure(
    of: Curve | Bars, legend: Sequence[Element], plot: Element, direct: bool = False
) -> Element:
    """Return a plot with its words; lines named directly need a legend on a narrow page only."""
    style = "legend direct" if direct else "legend"
    return node(
        "figure",
        node("figcaption", of.title),
        node("p", of.y, class_="axis"),
        node("ul", *legend, class_=style) if legend else None,
        plot,
        node("p", of.note, class_="note") if of.note else None,
    )


def _legend(lines: Mapping[str, Points], dots: Mapping[str, Points]) -> list[Element]:
    """Return the names of lines and dots, each after a sample of it; nothing if one needs none."""
    if len(lines) + len(dots) < 2:
        return []
    samples = {name: _path(f"line s{i % STYLES}", "M0 6H28") for i, name in enumerate(lines)}
    samples |= {f"{name} ": _path("dots", "M14 6h0") for name in dots}
    return [
        node("li", node("svg", sample, width=28, height=12, aria_hidden="true"), name.strip())
        for name, sample in samples.items()
    ]


def _plot(
    of: Curve | Bars,
    across: Scale,
    up: Scale,
    drawn: Sequence[Element],
    ends: Sequence[Element] = (),
) -> Element:
    """Return the axes with what is drawn between them, in a row of two drawings.

    The left one has the labels of the vertical axis and a fixed width; the right one stretches.
    """
    ticks = [(label(value), TOP + _y(value, up)) for value in up.ticks()]
    margin = 12 + 7 * max((len(text) for text, _ in ticks), default=0)
    names = [node("text", text, x=margin - 6, y=y + 4, text_anchor="end") for text, y in ticks]
    grid = [node("line", x1=0, x2="100%", y1=y, y2=y, class_="grid") for _, y in ticks]
    area = node(
        "svg",
        *drawn,
        y=TOP,
        width="100%",
        height=HEIGHT,
        viewBox=f"0 0 {WIDE} {HEIGHT}",
        preserveAspectRatio="none",
        overflow="visible",
    )
    whole = {"height": TOP + HEIGHT + FOOT}
    return node(
        "div",
        node("svg", *names, width=margin, aria_hidden="true", **whole),
        node("svg", *grid, area, *_foot(across, of.x), class_="area", width="100%", **whole),
        *ends,
        class_="plot",
        role="img",
        aria_label=of.title,
    )


def _ends(lines: Mapping[str, Points], up: Scale) -> Element:
    """Return the names of lines beside their ends, moved apart where they would overlap."""
    wanted = sorted(
        (TOP + _y(line[-1][1], up), name, i) for i, (name, line) in enumerate(lines.items())
    )
    names, free = [], 0.0
    for place, (y, name, i) in enumerate(wanted):
        below = (len(wanted) - 1 - place) * APART
        free = max(free, min(y, TOP + HEIGHT - below))
        short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        names.append(_path(f"line s{i % STYLES}", f"M6 {free:g}H26"))
        names.append(node("text", short, x=32, y=free + 4))
        free += APART
    width = 36 + 8 * min(LONGEST, max(map(len, lines)))
    return node("svg", *names, class_="ends", width=width, height=TOP + HEIGHT + FOOT)


def _foot(across: Scale, name: str) -> Iterator[Element]:
    """Yield the horizontal axis: its ticks with their labels, and its name."""
    base = TOP + HEIGHT
    yield node("line", x1=0, x2="100%", y1=base, y2=base, class_="base")
    for value in across.ticks():
        share = across.at(value)
        place = f"{100 * share:.2f}%"
        anchor = "start" if share < 0.04 else "end" if share > 0.96 else "middle"
        yield node("line", x1=place, x2=place, y1=base, y2=base + 4, class_="base")
        yield node("text", label(value), x=place, y=base + 18, text_anchor=anchor)
    yield node("text", name, x="100%", y=base + 36, text_anchor="end")


def _path(style: str, shape: str) -> Element:
    return node("path", d=shape, class_=style, vector_effect="non-scaling-stroke", fill="none")


def _x(value: float, scale: Scale) -> float:
    return round(WIDE * scale.at(value), 1)


def _y(value: float, scale: Scale) -> float:
    return round(HEIGHT * (1 - scale.at(value)), 1)


def _joined(line: Points, across: Scale, up: Scale, step: bool) -> str:
    """Return a line as the shape of a path; points that change nothing to be seen are left out."""
    shape, last = "", (-1.0, -1.0)
    for x, y in line:
        here = (_x(x, across), _y(y, up))
        if not shape:
            shape = f"M{here[0]:g} {here[1]:g}"
        elif step and here[1] != last[1]:
            shape += f"H{here[0]:g}V{here[1]:g}"
        elif not step and here != last:
            shape += f"L{here[0]:g} {here[1]:g}"
        else:
            continue
        last = here
    return f"{shape}H{_x(line[-1][0], across):g}" if step or len(line) == 1 else shape


def _spots(line: Points, across: Scale, up: Scale) -> str:
    """Return dots as the shape of a path, those at one place once."""
    places = dict.fromkeys((round(_x(x, across)), round(_y(y, up))) for x, y in line)
    return "".join(f"M{x} {y}h0" for x, y in places)
