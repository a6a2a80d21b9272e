"""A text with slots: where the slots are, and how they are filled."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import NamedTuple

from evollm.errors import EvollmError

MASK = "mask_token"
"""The slot for a masked model's own mask, filled when the prompt is rendered for that model."""
_NAME = re.compile(r"\{([^\W\d]\w*)\}")
_NUMBERED = re.compile(r"\w+_\d+")


class Span(NamedTuple):
    """Where a slot is.

    Attributes:
        slot: Its name.
        start: The character at which its opening brace is.
        stop: The character after its closing brace.
    """

    slot: str
    start: int
    stop: int


class Part(NamedTuple):
    """A piece of a template.

    Attributes:
        text: What is written there; of a slot, its name in braces.
        slot: Its name, or None for fixed text.
    """

    text: str
    slot: str | None


@dataclass(frozen=True)
class Template:
    """A text with slots in braces, such as ``Review: {sentence_1}``.

    Braces around anything but a declared slot are text. A name that looks like a slot of another
    task, or like a misspelt one, is refused.

    Attributes:
        text: The text.
        slots: The slots that it must have.
        task: Whose template it is, for messages.
        repeatable: Those that may occur more than once.

    Raises:
        EvollmError: If a slot is missing, unknown, or repeated though it may not be.
    """

    text: str
    slots: tuple[str, ...]
    task: str = "the task"
    repeatable: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a template that cannot be filled as the task means it."""
        counts = Counter(span.slot for span in self.spans)
        for name in _NAME.findall(self.text):
            if name not in counts and self._looks_like_slot(name):
                known = ", ".join(f"{{{slot}}}" for slot in self.slots)
                raise EvollmError(
                    f"{self} has the slot {{{name}}}, which {self.task} does not fill: use {known}"
                )
        for slot in self.slots:
            if not counts[slot]:
                raise EvollmError(f"{self} lacks the slot {{{slot}}}: write it in its place")
            if counts[slot] > 1 and slot not in self.repeatable:
                raise EvollmError(
                    f"{self} has the slot {{{slot}}} {counts[slot]} times: it may occur only once"
                )

    def __str__(self) -> str:
        """Name the template in a message, by its beginning."""
        return f"the template {beginning(self.text)} of {self.task}"

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The declared slots, in the order of the text."""
        return tuple(
            Span(found[1], *found.span())
            for found in _NAME.finditer(self.text)
            if found[1] in self.slots
        )

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Fixed texts and slots in their order; empty texts are left out."""
        return tuple(part for part in self._pieces() if part.text)

    def fill(self, fields: Mapping[str, str]) -> str:
        """Return the text with its slots filled, each once: what is filled in is never read again.

        Args:
            fields: Text by slot; others are ignored.

        Raises:
            EvollmError: If the text for a slot is not given.
        """
        for span in self.spans:
            if span.slot not in fields:
                raise EvollmError(f"{self} needs a text for {{{span.slot}}}: give that field")
        return "".join(
            part.text if part.slot is None else fields[part.slot] for part in self._pieces()
        )

    def _pieces(self) -> Iterator[Part]:
        end = 0
        for slot, start, stop in self.spans:
            yield Part(self.text[end:start], None)
            yield Part(self.text[start:stop], slot)
            end = stop
        yield Part(self.text[end:], None)

    def _looks_like_slot(self, name: str) -> bool:
        near = get_close_matches(name, self.slots, 1, cutoff=0.75)
        return name == MASK or bool(near or _NUMBERED.fullmatch(name))


def has_slots(text: str, slots: Collection[str] = ()) -> bool:
    """Tell whether a template would read a part of this text as a slot.

    Args:
        text: The text.
        slots: What slots may be called, beside names with a number at the end and the mask's.
    """
    names = _NAME.findall(text)
    return any(name in slots or name == MASK or _NUMBERED.fullmatch(name) for name in names)


def slot_names(text: str) -> tuple[str, ...]:
    """Return each name in braces once, in the order of the text, but for the mask's."""
    return tuple(dict.fromkeys(name for name in _NAME.findall(text) if name != MASK))


def beginning(text: str, width: int = 40) -> str:
    """Return the beginning of a text in quotes and on one line, for messages."""
    line = " ".join(text.split())
    return repr(line if len(line) <= width else f"{line[:width].rstrip()}...")
