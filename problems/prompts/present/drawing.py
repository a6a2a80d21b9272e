"""The picture of a pruned prompt in a file."""

import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from evollm.report.plots import DPI, figure, saved
from problems.prompts.present.picture import BREAK, Kind, Piece, by_line, visible

COLUMNS, HANG = 72, 2
"""Characters in a line, and by how many a line that goes on is indented."""
LETTER, LINE, MARGIN = 13 / DPI, 34 / DPI, 0.18
"""A letter's width, which is whole pixels lest letters drift; a line's height; in inches."""
SIZE = LETTER * 72 * 2048 / 1233
"""Of the first font, in points, so that its letters have this width."""
FONTS = ("DejaVu Sans Mono", "DejaVu Sans")
COLOURS: dict[Kind, str] = {"kept": "#000000", "pruned": "#959595", "slot": "#0b3d91"}
Line = list[tuple[str, Kind]]
"""The characters of a line."""


def draw(found: Sequence[Piece], file: str | Path, note: str = "") -> Path:
    """Draw a prompt: what was pruned grey and struck through, slots in boxes.

    Args:
        found: The prompt's pieces.
        file: Where to put the picture; its ending says the format.
        note: What is written below, beside the key.

    Returns:
        The file.

    Raises:
        EvollmError: If matplotlib is not installed, or the file can't be written.
    """
    lines = [line for one in _lines(found) for line in _wrapped(one)]
    shown = [*lines, [], _key(found, note)]
    columns = max(40, *(_width(line) for line in shown))
    drawn = figure(columns * LETTER + 2 * MARGIN, len(shown) * LINE + 2 * MARGIN)
    drawn.set_layout_engine("none")  # the axes fill it
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-MARGIN / LETTER, columns + MARGIN / LETTER)
    axes.set_ylim(len(shown) + MARGIN / LINE, -MARGIN / LINE)
    for row, line in enumerate(shown):
        _put(axes, line, row)
    with warnings.catch_warnings():  # of letters that the fonts lack, which are shown as boxes
        warnings.filterwarnings("ignore", "Glyph .* missing")
        return saved(drawn, file)


def _key(found: Sequence[Piece], note: str) -> Line:
    """Return the line that says how what is shown, and the note."""
    known = {one.kind for one in found}
    parts: dict[Kind, str] = {"kept": "kept", "pruned": "pruned", "slot": "{slot}"}
    words = [Piece(word, kind) for kind, word in parts.items() if kind in known]
    gap = Piece("   ", "kept")
    keyed = [piece for word in words for piece in (word, gap)] + [Piece(note, "kept")]
    return [(char, kind) for text, kind in keyed for char in text]


def _lines(found: Sequence[Piece]) -> Iterator[Line]:
    """Yield the lines of the prompt."""
    line: Line = []
    for text, kind in by_line(found):
        line += [(visible(char), kind) for char in text.removesuffix("\n")]
        if text.endswith("\n"):
            yield line
            line = []
    yield line


def _wrapped(line: Line) -> Iterator[Line]:
    """Yield a line in parts that fit, broken behind blanks where there are some."""
    words = re.findall(r"\S+ *| +", "".join(char for char, _ in line))
    row: Line = []
    start = 0
    for word in words:
        piece = line[start : start + len(word)]
        start += len(word)
        if row and _width(row) + _width(_stripped(piece)) > COLUMNS:
            yield row
            row = [(" ", "kept")] * HANG
        while _width(_stripped(piece)) > COLUMNS - HANG:
            yield [*row, *piece[: COLUMNS // 2]]
            row, piece = [(" ", "kept")] * HANG, piece[COLUMNS // 2 :]
        row += piece
    yield row


def _stripped(piece: Line) -> Line:
    """Leave out blanks at the end, which may stand beyond the margin."""
    size = len("".join(char for char, _ in piece).rstrip(" "))
    return piece[:size]


def _width(line: Line) -> int:
    return sum(map(_cells, (char for char, _ in line)))


def _cells(char: str) -> int:
    """Return how many columns a character takes."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _put(axes: Any, line: Line, row: int) -> None:
    """Write a line, each run of one kind at its column."""
    column = 0
    for kind, group in groupby(line, key=lambda one: one[1]):
        run = list(group)
        text, width = "".join(char for char, _ in run), _width(run)
        _write(axes, text, column, row, kind)
        if kind == "pruned" and (struck := text.strip(f" {BREAK}")):
            start = column + len(text) - len(text.lstrip())
            stop = start + _width([(char, kind) for char in struck])
            axes.plot([start, stop], [row + 0.52] * 2, color="#a8a8a8", linewidth=0.9)
        if kind == "slot":
            _frame(axes, column, width, row)
        column += width


def _write(axes: Any, text: str, column: int, row: int, kind: Kind) -> None:
    where = {"va": "baseline", "ha": "left", "family": list(FONTS), "size": SIZE}
    axes.text(column, row + 0.68, text, color=COLOURS[kind], parse_math=False, **where)


def _frame(axes: Any, column: int, width: int, row: int) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(
            (column - 0.15, row + 0.12),
            width + 0.3,
            0.8,
            facecolor="#e6ecf7",
            edgecolor=COLOURS["slot"],
            linewidth=0.8,
            zorder=0,
        )
    )
