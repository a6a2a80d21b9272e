"""A prompt as tokens: which of them can be pruned, and the text or ids that a mask leaves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from problems.prompts.data.template import Part, Template

Mask: TypeAlias = NDArray[np.bool_]
Mode: TypeAlias = Literal["text", "text_cleaned", "ids"]
"""How a pruned prompt reaches the model.

- ``text``: the kept tokens are decoded, filled in, and encoded again: what a user would paste.
- ``text_cleaned``: the same without blanks before punctuation, as the reference code does it.
- ``ids``: the kept ids as they are, around the example's own.
"""
MODES = ("text", "text_cleaned", "ids")


class Tokenizer(Protocol):
    """What a prompt needs of a tokenizer; special tokens around a text are not its matter."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def mask(self) -> str:
        """What a masked model has in the place of its answer; empty for others."""
        ...

    def encode(self, text: str) -> Sequence[tuple[int, int, int]]:
        """Return the tokens of a text: id, first character, and the character after the last."""
        ...

    def decode(self, ids: Sequence[int], clean: bool = False) -> str:
        """Return the text of tokens, with or without blanks before punctuation."""
        ...


@dataclass(frozen=True, eq=False)
class Prompt:
    """A template's tokens.

    A genome says which of the prunable tokens stay, in their order; the tokens that touch a slot
    always stay.

    Attributes:
        template: The whole prompt with its slots.
        ids: Its tokens.
        slots: For each token the slot that it belongs to, or None.
        tokenizer: The task model's own.
        texts: What each token stands for in the template's text, the blanks before it included;
            empty for all but the first of tokens that share a character.
    """

    template: Template
    ids: tuple[int, ...]
    slots: tuple[str | None, ...]
    tokenizer: Tokenizer
    texts: tuple[str, ...]

    @classmethod
    def of(
        cls, template: Template, tokenizer: Tokenizer, mode: Mode = "text", merged: bool = True
    ) -> "Prompt":
        """Cut a template into tokens.

        Args:
            template: The prompt.
            tokenizer: The task model's own.
            mode: How the prompt will reach the model.
            merged: Whether a token that covers a part of a slot and its neighbour is one token,
                which is then protected; if not, the text on either side of a slot is cut into
                tokens by itself. In the mode ``ids`` it always is.

        Raises:
            EvollmError: If the mode is unknown, or the tokenizer loses a slot.
        """
        if mode not in MODES:
            raise EvollmError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
        if mode == "ids" or not merged:
            found = list(_in_parts(template, tokenizer))
        else:
            found = [
                (token, _touched(template, start, stop), stop)
                for token, start, stop in tokenizer.encode(template.text)
            ]
        ids, slots, stops = zip(*found, strict=True)
        prompt = cls(template, ids, slots, tokenizer, _shares(template.text, stops))
        prompt._check()
        return prompt

    @cached_property
    def free(self) -> NDArray[np.intp]:
        """The places of the prunable tokens."""
        return np.array([i for i, slot in enumerate(self.slots) if slot is None], dtype=np.intp)

    @property
    def whole(self) -> Mask:
        """The genome that prunes nothing."""
        return np.ones(len(self.free), dtype=np.bool_)

    def kept(self, mask: Mask) -> NDArray[np.bool_]:
        """Return for each token of the prompt whether it stays."""
        stays = np.ones(len(self.ids), dtype=np.bool_)
        stays[self.free] = mask
        return stays

    def text(self, mask: Mask, clean: bool = False) -> str:
        """Return the text of the tokens that stay, its slots open.

        Args:
            mask: Which of the prunable tokens stay.
            clean: Whether blanks before punctuation are removed.
        """
        ids = [self.ids[i] for i in np.flatnonzero(self.kept(mask))]
        return self.tokenizer.decode(ids, clean)

    def pruned(self, mask: Mask, clean: bool = False) -> Template:
        """Return the pruned prompt as a template, ready to be filled.

        Raises:
            EvollmError: If a slot is lost, which happens only if the tokenizer cannot spell it.
        """
        return Template(self.text(mask, clean), self.template.slots, self.template.task)

    def filled_ids(self, mask: Mask, fields: Mapping[str, str]) -> list[int]:
        """Return the ids that stay, with those of an example's texts in place of the slots.

        Args:
            mask: Which of the prunable tokens stay.
            fields: Text by slot.
        """
        stays, ids = self.kept(mask), list[int]()
        for place, (token, slot) in enumerate(zip(self.ids, self.slots, strict=True)):
            if slot is None:
                ids += [token] if stays[place] else []
            elif place == 0 or self.slots[place - 1] != slot:
                ids += self._slot_ids(slot, fields[slot])
        return ids

    def spelt(self, mask: Mask) -> tuple[str, ...]:
        """Return the texts of some of the prunable tokens, one by one.

        Args:
            mask: Which of them.
        """
        return tuple(self.texts[i] for i in self.free[mask])

    def key(self, mask: Mask, mode: Mode) -> str | bytes:
        """Return what tells pruned prompts apart: what the model is to read."""
        return mask.tobytes() if mode == "ids" else self.text(mask, mode == "text_cleaned")

    def _slot_ids(self, slot: str, text: str) -> list[int]:
        known = self._slot_memo
        if (slot, text) not in known:
            blank = " " if slot in self._blank_before else ""
            known[slot, text] = [token for token, _, _ in self.tokenizer.encode(blank + text)]
        return known[slot, text]

    @cached_property
    def _slot_memo(self) -> dict[tuple[str, str], list[int]]:
        return {}

    @cached_property
    def _blank_before(self) -> frozenset[str]:
        return frozenset(
            part.slot
            for part in _with_blanks(self.template.parts)
            if part.slot and part.text.startswith(" ")
        )

    def _check(self) -> None:
        lost = set(self.template.slots) - set(self.slots)
        bare = np.zeros(len(self.free), dtype=np.bool_)
        if lost or any(f"{{{slot}}}" not in self.text(bare) for slot in self.template.slots):
            raise EvollmError(
                f"the tokenizer of {self.tokenizer.name} can't spell the slots of {self.template}: "
                "write a blank before and after each slot, or take another model"
            )


def _with_blanks(parts: Sequence[Part]) -> list[Part]:
    """Give the blank before a slot to the slot: tokenizers join a blank to the word behind it."""
    given: list[Part] = []
    for part in parts:
        if part.slot and given and given[-1].slot is None and given[-1].text.endswith(" "):
            before = given.pop()
            given += [Part(before.text[:-1], None)] if before.text[:-1] else []
            part = Part(f" {part.text}", part.slot)
        given.append(part)
    return given


def _in_parts(template: Template, tokenizer: Tokenizer) -> Iterator[tuple[int, str | None, int]]:
    """Yield the tokens of each part by itself: id, slot, and where it ends in the whole text."""
    begin = 0
    for part in _with_blanks(template.parts):
        for token, _, stop in tokenizer.encode(part.text):
            yield token, part.slot, begin + stop
        begin += len(part.text)


def _shares(text: str, stops: Sequence[int]) -> tuple[str, ...]:
    """Cut a text after each token; what stands behind the last one belongs to it."""
    ends = np.maximum.accumulate([0, *stops[:-1], len(text)]).tolist()
    return tuple(text[start:stop] for start, stop in pairwise(ends))


def _touched(template: Template, start: int, stop: int) -> str | None:
    """Return the slot that the characters of a token meet."""
    return next(
        (slot for slot, first, last in template.spans if start < last and first < stop), None
    )
