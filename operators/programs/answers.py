"""Answers: reads the edits of a program in what a model answered, and applies them.

An answer holds either edits, each of these two parts, or the whole block in a fenced code block::

    <<<<<<< SEARCH
    lines of the program
    =======
    lines that take their place
    >>>>>>> REPLACE
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from operators.programs.source import Frame, Unusable, marks

LONGEST = 60_000
"""Most characters of a block."""
_SEARCH = re.compile(r"<{5,}\s*SEARCH\s*$")
_MIDDLE = re.compile(r"={5,}\s*$")
_REPLACE = re.compile(r">{5,}\s*REPLACE\s*$")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*[\w+#.-]*\s*$")


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: lines of the program, and those that take their place."""

    search: str
    replace: str


def edited(answer: str, block: str, frame: Frame) -> tuple[str, str]:
    """Return the block that an answer makes of a block, and the answer's form.

    Args:
        answer: What a model answered; it is only parsed.
        block: The block that it was asked to change.
        frame: The rest of the file.

    Returns:
        The new block, checked, and ``"diff"`` or ``"rewrite"``.

    Raises:
        Unusable: If the answer is cut off, contains no edit, or makes no valid, changed program.
    """
    if any(_SEARCH.match(line.strip()) for line in answer.splitlines()):
        form, made = "diff", _applied(list(edits(answer)), block, frame)
    else:
        form, made = "rewrite", _inner(fenced(answer), frame)
    if len(made) > LONGEST:
        raise Unusable(f"the program is longer than {LONGEST} characters")
    try:
        made = frame.checked(made)
    except Unusable:
        indented = _indented(made, frame) if form == "rewrite" else made
        if indented == made:
            raise
        made = frame.checked(indented)
    if frame.key(made) == frame.key(block):
        raise Unusable("the program is unchanged")
    return made, form


class _Place(Enum):
    """Where in an answer a line is."""

    PROSE = 0
    SEARCH = 1
    REPLACE = 2


def edits(answer: str) -> Iterator[Edit]:
    """Yield the edits in an answer, in order.

    Raises:
        Unusable: If one is not complete.
    """
    place, search, replace = _Place.PROSE, [""], [""]
    for line in answer.splitlines():
        bare = line.strip()
        if _SEARCH.match(bare):
            if place is not _Place.PROSE:
                raise Unusable("an edit begins inside another one")
            place, search, replace = _Place.SEARCH, [], []
        elif place is _Place.SEARCH and _MIDDLE.match(bare):
            place = _Place.REPLACE
        elif place is _Place.REPLACE and _REPLACE.match(bare):
            place = _Place.PROSE
            yield Edit("\n".join(search), "\n".join(replace))
        elif place is not _Place.PROSE:
            (search if place is _Place.SEARCH else replace).append(line)
    if place is not _Place.PROSE:
        raise Unusable("the answer is cut off: an edit has no REPLACE line at its end")


def fenced(answer: str) -> str:
    """Return the longest fenced code block of an answer.

    Raises:
        Unusable: If there is none, or the last one is not closed.
    """
    found: list[str] = []
    fence, lines = "", [""]
    for line in answer.splitlines():
        opening = _FENCE.match(line)
        if not fence and opening:
            fence, lines = opening[1], []
        elif fence and line.strip() == fence:
            found.append("\n".join(lines))
            fence = ""
        elif fence:
            lines.append(line)
    if fence:
        raise Unusable("the answer is cut off: its code block has no end")
    if not any(text.strip() for text in found):
        raise Unusable("the answer has neither an edit nor a code block")
    return max(found, key=len)


def _applied(changes: list[Edit], block: str, frame: Frame) -> str:
    """Replace the lines of each edit; each must be found once, in the block."""
    for number, edit in enumerate(changes, 1):
        if not edit.search.strip():
            raise Unusable(f"the SEARCH part of edit {number} is empty")
        lines, wanted = block.splitlines(), edit.search.splitlines()
        places = _places(lines, wanted)
        if not places:
            outside = _places(frame.whole("").splitlines(), wanted)
            where = "outside the block, which must not change" if outside else "nowhere"
            raise Unusable(f"the SEARCH part of edit {number} is {where}")
        if len(places) > 1:
            raise Unusable(f"the SEARCH part of edit {number} fits {len(places)} places")
        lines[places[0] : places[0] + len(wanted)] = edit.replace.splitlines()
        block = "\n".join(lines) + "\n"
    return block


def _places(lines: list[str], wanted: list[str]) -> list[int]:
    """Return where lines are found, apart from white space at their ends."""
    plain, sought = ([line.rstrip() for line in part] for part in (lines, wanted))
    last = len(plain) - len(sought) + 1
    return [i for i in range(last) if plain[i : i + len(sought)] == sought]


def _inner(code: str, frame: Frame) -> str:
    """Return the block of a rewrite, which may be the whole file if nothing else is changed."""
    found = marks(code)
    if not found:
        return code
    lines = code.splitlines()
    if len(found) != 2 or not frame.head:
        raise Unusable("the markers are not those of the program")
    first, last = found[0][0], found[1][0]
    outside = (lines[: first + 1], lines[last:])
    for own, given in zip((frame.head, frame.tail), outside, strict=True):
        if len(given) > 1 and _bare(own.splitlines()) != _bare(given):
            raise Unusable("code outside the block is changed")
    return "\n".join(lines[first + 1 : last])


def _bare(lines: list[str]) -> list[str]:
    return [line.rstrip() for line in lines if line.strip()]


def _indented(code: str, frame: Frame) -> str:
    """Return code as far to the right as the opening marker."""
    marker = frame.head.splitlines()[-1] if frame.head else ""
    return textwrap.indent(textwrap.dedent(code), marker[: len(marker) - len(marker.lstrip())])
