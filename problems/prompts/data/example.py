"""An example: the texts for a template's slots, what the answer is, and where it came from."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from functools import cached_property
from typing import Any

from problems.prompts.data.template import beginning


@dataclass(frozen=True)
class Example:
    """One labelled example.

    Attributes:
        fields: Text by slot.
        label: The class, an index of the task's label words; None where the answer is a text.
        answer: What is right where it is a text: a number in digits (reasoning), or the
            rewritten text (style, where there is one).
        worked: What a demonstration shows after the answer field, where this is more than the
            label word or ``answer``.
        source: The file that it came from.
        lines: The lines of the file, counted from 1; several if it was put together from them.
    """

    fields: Mapping[str, str] = field(hash=False)
    label: int | None = None
    answer: str = ""
    worked: str = ""
    source: str = ""
    lines: tuple[int, ...] = ()

    @cached_property
    def normalized(self) -> str:
        """The texts as they are compared to find repeats: see ``normalize``."""
        return "\n".join(normalize(self.fields[slot]) for slot in sorted(self.fields))

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be found again: thousands of examples travel to workers."""
        return {one.name: getattr(self, one.name) for one in dataclass_fields(self)}

    @property
    def target(self) -> int | str:
        """What is right: the label, or the answer."""
        return self.answer if self.label is None else self.label

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        where = self.source or "the examples given"
        if not self.lines:
            return where
        numbers = " and ".join(map(str, self.lines))
        return f"{where}, line{'s' if len(self.lines) > 1 else ''} {numbers}"

    def __str__(self) -> str:
        """Name the example in a message, by the beginning of its first text."""
        return beginning(next(iter(self.fields.values()), ""))


def normalize(text: str) -> str:
    """Return a text without what corpora change: width and case of letters, and white space.

    White space goes altogether, since corpora differ in the blanks around punctuation.
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def distinct(examples: Iterable[Example]) -> list[Example]:
    """Return the first example of each text; texts with more than one answer are left out."""
    found: dict[str, Example] = {}
    conflicting = set()
    for example in examples:
        first = found.setdefault(example.normalized, example)
        if first.target != example.target:
            conflicting.add(example.normalized)
    return [example for text, example in found.items() if text not in conflicting]
