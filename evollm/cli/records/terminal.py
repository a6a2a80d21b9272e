"""Reports on a terminal, with colours where ``rich`` is installed, or as plain text."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from evollm.report.page import Bars, Curve, Report, Section, Table
from evollm.report.sparklines import BLOCKS, sparks

if TYPE_CHECKING:
    from rich.console import RenderableType

_SHORT = 16
"""Longest cells that are not folded in a narrow window."""

_STYLES = {"running": "green", "interrupted": "yellow"}
_STYLES |= dict.fromkeys(("failed", "killed", "damaged"), "red")


def show(report: Report) -> None:
    """Print a report with its best values so far as sparklines.

    Tables are drawn on a terminal, if ``rich`` is installed (the extra ``terminal``); everywhere
    else the text is that of ``Report.text``, with the sparklines below their section.
    """
    if not sys.stdout.isatty():
        print(plain(report))
    elif console := _console():
        for place, part in enumerate(_drawn(report)):
            console.print(*[""] * bool(place), part, sep="\n")
    else:
        print(harmless(plain(report)))


def write(text: str) -> None:
    """Print a text that a model may have written parts of."""
    print(harmless(text) if sys.stdout.isatty() else text)


def harmless(text: str) -> str:
    """Return a text without characters that control a terminal: they are written as escapes."""
    return "".join(
        one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode()
        for one in text
    )


def plain(report: Report) -> str:
    """Return a report as text, with sparklines if the output can encode them."""
    parts = ((Report("", [section]).text(), _lines(section.curves)) for section in report.sections)
    return "\n\n".join("\n\n".join(filter(None, part)) for part in parts if any(part))


def _lines(curves: Iterable[Curve | Bars]) -> str:
    if not _encodable():
        return ""
    drawn = []
    for curve in _courses(curves):
        found = sparks(curve)
        width = max((len(one.name) for one in found), default=0)
        drawn += [f"{one.name:<{width}}  {one.blocks}  {one.ends}" for one in found]
    return "\n".join(drawn)


def _courses(curves: Iterable[Curve | Bars]) -> list[Curve]:
    """Return the curves of best values so far; others need axes to be read."""
    return [curve for curve in curves if isinstance(curve, Curve) and curve.step]


def _encodable() -> bool:
    try:
        BLOCKS.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _console() -> Any:
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False, markup=False, emoji=False)


def _drawn(report: Report) -> "Iterable[RenderableType]":
    """Yield the parts of a report as objects that ``rich`` prints."""
    from rich.text import Text

    for section in report.sections:
        parts = [_facts(section)] if section.facts else []
        parts += [Text(harmless(section.text))] if section.text else []
        parts += [_table(table) for table in section.tables]
        if _encodable():
            parts += [_curve(curve) for curve in _courses(section.curves) if sparks(curve)]
        if parts and section.title:
            yield Text(harmless(section.title), style="bold")
        yield from parts


def _facts(section: Section) -> Any:
    grid = _grid()
    for name, said in section.facts.items():
        grid.add_row(*_texts((name, "cyan"), (said, "")))
    return grid


def _curve(curve: Curve) -> Any:
    grid = _grid()
    for one in sparks(curve):
        grid.add_row(*_texts((one.name, "cyan"), (one.blocks, "green"), (one.ends, "")))
    return grid


def _grid() -> Any:
    from rich.table import Table as Drawn

    return Drawn.grid(padding=(0, 2, 0, 0))


def _table(table: Table) -> Any:
    from rich.table import Table as Drawn

    drawn = Drawn(title=table.title or None, box=None, padding=(0, 2, 0, 0), title_justify="left")
    cells = table.cells()
    for place, (name, numeric) in enumerate(zip(table.columns, table.numeric(), strict=True)):
        widest = max(map(len, (*(row[place] for row in cells), *name.split())))
        drawn.add_column(
            *_texts((name, "")),
            justify="right" if numeric else "left",
            overflow="fold",
            width=widest if widest <= _SHORT else None,
        )
    for row in cells:
        drawn.add_row(*_texts(*((cell, _STYLES.get(cell, "")) for cell in row)))
    return drawn


def _texts(*parts: tuple[str, str]) -> Any:
    from rich.text import Text

    return [Text(harmless(text), style=style) for text, style in parts]
