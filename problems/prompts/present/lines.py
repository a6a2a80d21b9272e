"""A prompt's pieces in lines that fit a page."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from problems.prompts.present.picture import LINE, Kind, Piece, by_line, visible

HANG = 2
"""By how many blanks a line that goes on is indented."""
Line = list[tuple[str, Kind]]
"""The characters of a line, each with its kind."""


def wrapped(found: Iterable[Piece], columns: int) -> Iterator[Line]:
    """Yield the lines of a prompt; those that are too long are broken behind blanks, if they can.

    Args:
        found: The prompt's pieces.
        columns: How many characters a line takes, blanks at its end apart.
    """
    for line in _lines(found):
        yield from _broken(line, columns)


def width(line: Sequence[tuple[str, Kind]]) -> int:
    """Return how many columns characters take."""
    return sum(_columns(char) for char, _ in line)


def _lines(found: Iterable[Piece]) -> Iterator[Line]:
    line: Line = []
    for text, kind in by_line(found):
        line += [(visible(char), kind) for char in text.removesuffix(LINE)]
        if text.endswith(LINE):
            yield line
            line = []
    yield line


def _broken(line: Line, columns: int) -> Iterator[Line]:
    row: Line = []
    for word in _words(line, columns - HANG):
        if row and width(row) + width(_stripped(word)) > columns:
            yield row
            row = [(" ", "kept")] * HANG
        row += word
    yield row


def _words(line: Line, longest: int) -> Iterator[Line]:
    """Yield words with the blanks behind them; what is longer than a line is cut."""
    start = 0
    for word in re.findall(r"[^ ]+ *| +", "".join(char for char, _ in line)):
        piece = line[start : start + len(word)]
        start += len(word)
        while width(_stripped(piece)) > longest:
            yield piece[: longest // 2]
            piece = piece[longest // 2 :]
        yield piece


def _stripped(piece: Line) -> Line:
    """Leave out blanks at the end, which may stand beyond the margin."""
    size = len("".join(char for char, _ in piece).rstrip(" "))
    return piece[:size]


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
