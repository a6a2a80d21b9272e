"""The picture of a pruned prompt in a file."""

import warnings
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from evollm.report.plots import DPI, figure, saved
from problems.prompts.present.lines import Line, width, wrapped
from problems.prompts.present.picture import BREAK, Kind, Piece

COLUMNS = 72
"""Characters in a line."""
LETTER, HEIGHT, MARGIN = 13 / DPI, 34 / DPI, 0.18
"""A letter's width, which is whole pixels lest letters drift; a line's height; in inches."""
SIZE = LETTER * 72 * 2048 / 1233
"""Of the first font, in points, so that its letters have this width."""
FONTS = ("DejaVu Sans Mono", "DejaVu Sans")
COLOURS: dict[Kind, str] = {"kept": "#000000", "pruned": "#959595", "slot": "#0b3d91"}


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
    shown = [*wrapped(found, COLUMNS), [], _key(found, note)]
    columns = max(40, *(width(line) for line in shown))
    drawn = figure(columns * LETTER + 2 * MARGIN, len(shown) * HEIGHT + 2 * MARGIN)
    drawn.set_layout_engine("none")  # the axes fill it
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-MARGIN / LETTER, columns + MARGIN / LETTER)
    axes.set_ylim(len(shown) + MARGIN / HEIGHT, -MARGIN / HEIGHT)
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


def _put(axes: Any, line: Line, row: int) -> None:
    """Write a line, each run of one kind at its column."""
    column = 0
    for kind, group in groupby(line, key=lambda one: one[1]):
        run = list(group)
        text, size = "".join(char for char, _ in run), width(run)
        _write(axes, text, column, row, kind)
        if kind == "pruned" and (struck := text.strip(f" {BREAK}")):
            start = column + len(text) - len(text.lstrip())
            stop = start + width([(char, kind) for char in struck])
            axes.plot([start, stop], [row + 0.52] * 2, color="#a8a8a8", linewidth=0.9)
        if kind == "slot":
            _frame(axes, column, size, row)
        column += size


def _write(axes: Any, text: str, column: int, row: int, kind: Kind) -> None:
    where = {"va": "baseline", "ha": "left", "family": list(FONTS), "size": SIZE}
    axes.text(column, row + 0.68, text, color=COLOURS[kind], parse_math=False, **where)


def _frame(axes: Any, column: int, size: int, row: int) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(
            (column - 0.15, row + 0.12),
            size + 0.3,
            0.8,
            facecolor="#e6ecf7",
            edgecolor=COLOURS["slot"],
            linewidth=0.8,
            zorder=0,
        )
    )
