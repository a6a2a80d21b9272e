"""Text as tokens: ids with the characters that they stand for, back again, and windows of them."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.checks import positive
from evollm.errors import EvollmError
from problems.lm.load import LM
from problems.lm.tokenizer import Tokenized

UNFINISHED = "\ufffd"
"""What a tokenizer writes for the first bytes of a character whose other bytes are missing."""
CLEANED = {f" {mark}": mark for mark in ".?!,"}
CLEANED |= {" ' ": "'", " n't": "n't"} | {f" '{end}": f"'{end}" for end in ("m", "s", "ve", "re")}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text's tokens.

    Attributes:
        ids: One a token, without special tokens around the text.
        spans: For each token the characters from, and up to but without, that it stands for. A
            blank between two tokens counts to the second one. Tokens that are bytes of the same
            character have the same span, so spans may overlap, but never go back.
    """

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


def encode(lm: Tokenized, text: str) -> Encoded:
    """Return a text's tokens with the characters that they stand for.

    Raises:
        EvollmError: If the tokenizer can't tell the characters, and they can't be found out.
    """
    if not lm.tokenizer.is_fast:
        found = ids_of(lm, text)
        return Encoded(found, _filled(text, _counted(lm, text, found)))
    made = lm.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return Encoded(tuple(made["input_ids"]), _filled(text, made["offset_mapping"]))


def ids_of(lm: Tokenized, text: str) -> tuple[int, ...]:
    """Return a text's ids without special tokens around it."""
    return tuple(lm.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _filled(text: str, spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Give the blanks that no token has to the token behind them."""
    filled, end = [], 0
    for start, stop in spans:
        if end < start and text[end:start].isspace():
            start = end
        filled.append((start, stop))
        end = max(end, stop)
    return tuple(filled)


def _counted(lm: Tokenized, text: str, ids: tuple[int, ...]) -> list[tuple[int, int]]:
    """Find the characters by decoding the first tokens, then one more, and so on.

    Raises:
        EvollmError: If the tokens do not spell the text.
    """
    ends, whole = [], decode(lm, ids)
    for count in range(1, len(ids) + 1):
        spelt = decode(lm, ids[:count]).rstrip(UNFINISHED)
        if whole != text or not text.startswith(spelt):
            raise EvollmError(
                f"the tokenizer of {lm.name} does not say which characters its tokens stand for, "
                f"and they do not spell {text[:40]!r} exactly: name a model with a fast tokenizer"
            )
        ends.append(len(spelt))
    starts = [0, *ends][: len(ends)]
    return [
        (start, max(stop, min(start + 1, len(text))))
        for start, stop in zip(starts, ends, strict=True)
    ]


def decode(lm: Tokenized, ids: Sequence[int], clean: bool = False) -> str:
    """Return the text of tokens, special ones included.

    What the tokenizer's own configuration says of clean-up counts neither way.

    Args:
        lm: Whose tokens they are: a model's, or those of a tokenizer alone.
        ids: The tokens.
        clean: Remove the blanks before punctuation marks and in contractions, as transformers did
            in its versions before 5.
    """
    decoder: Any = getattr(getattr(lm.tokenizer, "backend_tokenizer", None), "decoder", None)
    if getattr(decoder, "cleanup", False):  # BERT's kind does it by itself
        decoder.cleanup = False
    text = str(lm.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))
    return cleaned(text) if clean else text


def cleaned(text: str) -> str:
    """Return a text without the blanks before punctuation marks and in contractions."""
    for pattern, better in CLEANED.items():
        text = text.replace(pattern, better)
    return text


def windows(
    lm: LM,
    documents: Sequence[str],
    *,
    count: int,
    length: int,
    seed: int,
    join: bool = False,
    name: str = "the text",
) -> NDArray[np.int64]:
    """Cut windows of tokens from documents, of which no two overlap.

    They come from as many documents as possible: from each the first window, then from each that
    is long enough the second one, and so on. Each begins with the special tokens that begin a text.

    Args:
        lm: Whose tokens.
        documents: Texts; one that is shorter than a window is left out, unless they are joined.
        count: Number of windows.
        length: Of each, in tokens.
        seed: Of the order of the documents.
        join: Join all documents by empty lines, so that a window may reach over several.
        name: What the documents are called in an error.

    Returns:
        Ids of shape ``(count, length)``.

    Raises:
        EvollmError: If the documents are not enough, or the windows longer than the model's
            context or shorter than two tokens of text.
    """
    positive(count=count, length=length)
    room = length - len(lm.before)
    if room < 2 or length > lm.context:
        raise EvollmError(
            f"length must be {len(lm.before) + 2} to {lm.context} tokens for {lm.name}, "
            f"not {length}"
        )
    order = np.random.default_rng(seed).permutation(len(documents))
    shuffled = (documents[index] for index in order)
    texts = (ids_of(lm, text) for text in (["\n\n".join(shuffled)] if join else shuffled))
    cut = [window for _, window in zip(range(count), _rounds(texts, room), strict=False)]
    if len(cut) < count:
        raise EvollmError(
            f"the documents of {name} hold {len(cut)} windows of {length} tokens, and {count} are "
            "needed: ask for fewer or shorter ones, give more text, or join the documents "
            "(join=True, --join)"
        )
    return np.array([(*lm.before, *window) for window in cut], np.int64)


def _rounds(texts: Iterator[tuple[int, ...]], room: int) -> Iterator[tuple[int, ...]]:
    """Yield the first window of every text, then the second of those with one, and so on."""
    rest = []
    for ids in texts:
        if len(ids) >= room:
            yield ids[:room]
            rest.append(ids)
    for start in itertools.count(room, room):
        rest = [ids for ids in rest if len(ids) >= start + room]
        if not rest:
            return
        for ids in rest:
            yield ids[start : start + room]
