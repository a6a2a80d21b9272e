"""A prompt in pieces, what was pruned marked: as plain text and as HTML."""

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import Literal, NamedTuple

from problems.prompts.tokens import Mask, Prompt

Kind = Literal["kept", "pruned", "slot"]
LINE, BREAK = "\n", "↵"
"""A line break, and how one that was pruned is shown before the line ends all the same."""
STYLES: dict[Kind, str] = {
    "kept": "color:#000",
    "pruned": "color:#8c8c8c;text-decoration:line-through",
    "slot": "color:#0b3d91;border:1px solid #0b3d91;border-radius:3px;padding:0 2px",
}
BOX = (
    "white-space:pre-wrap;font-family:monospace;line-height:1.6;background:#fff;"
    "border:1px solid #d0d0d0;border-radius:4px;padding:8px 12px;max-width:60em"
)


class Piece(NamedTuple):
    """A part of the unpruned prompt.

    Attributes:
        text: What is written there.
        kind: Whether it is kept, pruned, or a slot.
    """

    text: str
    kind: Kind


def pieces(prompt: Prompt, mask: Mask) -> list[Piece]:
    """Return the unpruned prompt in pieces, neighbours of one kind joined.

    A character that several tokens share counts as pruned if any of them is.

    Args:
        prompt: The prompt.
        mask: Which of its prunable tokens stay.
    """
    found = [
        Piece("".join(text for text, _ in group), kind)
        for kind, group in groupby(_cut(prompt, mask), key=lambda one: one[1])
    ]
    return [one for one in found if one.text]


def terminal(found: Iterable[Piece]) -> str:
    """Return a prompt as plain text: what was pruned between ``[-`` and ``-]``, as wdiff has it.

    A line break that was pruned is an arrow in brackets, and breaks the line all the same.

    Args:
        found: The prompt's pieces.
    """
    return "".join(
        f"[-{text.removesuffix(LINE)}-]{LINE * text.endswith(LINE)}" if kind == "pruned" else text
        for text, kind in by_line(found)
    )


def boxed(found: Iterable[Piece]) -> str:
    """Return a prompt as HTML: what was pruned grey and struck through, slots in boxes.

    Args:
        found: The prompt's pieces; everything in them is escaped.
    """
    body = "".join(_span(text, kind) for text, kind in by_line(found))
    return f'<div style="{BOX}">{body}</div>'


def by_line(found: Iterable[Piece]) -> Iterator[Piece]:
    """Yield a prompt's pieces cut behind line breaks; one that was pruned has an arrow before it.

    Args:
        found: The prompt's pieces.
    """
    for text, kind in found:
        mark = BREAK if kind == "pruned" else ""
        for line in re.findall(r"[^\n]*\n|[^\n]+", text):
            yield Piece(f"{line[:-1]}{mark}{LINE}" if line.endswith(LINE) else line, kind)


def visible(text: str) -> str:
    """Return a text of one line with a mark for each character that can't be shown."""
    return "".join(char if char.isprintable() else "→" if char == "\t" else "·" for char in text)


def _cut(prompt: Prompt, mask: Mask) -> Iterator[tuple[str, Kind]]:
    """Yield texts with their kinds; a slot's braces apart from what is joined to them."""
    stays = prompt.kept(mask)
    known = zip(prompt.texts, prompt.slots, stays.tolist(), strict=True)
    for slot, group in groupby(_whole_characters(known), key=lambda one: one[1]):
        if slot is None:
            yield from ((text, "kept" if stay else "pruned") for text, _, stay in group)
            continue
        before, name, after = "".join(text for text, *_ in group).partition(f"{{{slot}}}")
        yield from ((before, "kept"), (name, "slot"), (after, "kept"))


def _whole_characters(
    known: Iterable[tuple[str, str | None, bool]],
) -> list[tuple[str, str | None, bool]]:
    """Join tokens that share a character."""
    found: list[tuple[str, str | None, bool]] = []
    for text, slot, stay in known:
        if text or not found:
            found.append((text, slot, stay))
        else:
            found[-1] = (found[-1][0], found[-1][1], found[-1][2] and stay)
    return found


def _span(text: str, kind: Kind) -> str:
    tag = "del" if kind == "pruned" else "span"
    return f'<{tag} style="{STYLES[kind]}">{escape(text)}</{tag}>'
