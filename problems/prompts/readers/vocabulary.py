"""A tokenizer by name: it cuts prompts into tokens whose model answers elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from problems.lm.scoring import label_ids
from problems.lm.settings import LMSettings
from problems.lm.tokenizer import Tokens, load_tokenizer
from problems.lm.tokens import decode, encode, ids_of

BLANKS = " Ġ▁"
"""How tokenizers write the blank before a word: as it is, or by a mark of their own."""


@dataclass(frozen=True)
class Spelling:
    """How endpoints write the token of a label word.

    Attributes:
        exact: With the blank before it, if the token has one: as text, and as in the vocabulary.
        bare: Without.
    """

    exact: tuple[str, ...]
    bare: str


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer, loaded once per process.

    Attributes:
        name: As ``problems.lm.tokenizer.load_tokenizer`` takes it.
        settings: Of which the revision and the trust in a model's own code count.
    """

    name: str
    settings: LMSettings = field(default_factory=LMSettings)

    @property
    def tokens(self) -> Tokens:
        """The tokenizer, loaded on first use."""
        return _loaded(self.name, self.settings)

    @property
    def mask(self) -> str:
        """Nothing: endpoints continue texts."""
        return ""

    def encode(self, text: str) -> list[tuple[int, int, int]]:
        """Return ids with the characters that they stand for."""
        found = encode(self.tokens, text)
        return [(token, *span) for token, span in zip(found.ids, found.spans, strict=True)]

    def decode(self, ids: Sequence[int], clean: bool = False) -> str:
        """Return the text of tokens."""
        return decode(self.tokens, ids, clean)

    def ids(self, text: str) -> list[int]:
        """Return the ids that a model reads: those of a text, special tokens included."""
        return [*self.tokens.before, *ids_of(self.tokens, text), *self.tokens.after]

    def first(self, text: str, count: int) -> str:
        """Return what the first tokens of a text spell: all of it if there are no more."""
        ids = ids_of(self.tokens, text)
        return text if len(ids) <= count else self.decode(ids[:count])

    def spellings(self, words: Sequence[str], before: str) -> tuple[Spelling, ...]:
        """Return how the tokens of label words behind a text are written.

        Raises:
            EvollmError: If a word is not one token, or two begin with the same one.
        """
        return _spellings(self.tokens, tuple(words), before)


@lru_cache(maxsize=8)
def _loaded(name: str, settings: LMSettings) -> Tokens:
    return load_tokenizer(name, settings)


@lru_cache(maxsize=32)
def _spellings(tokens: Tokens, words: tuple[str, ...], before: str) -> tuple[Spelling, ...]:
    return tuple(_spelling(tokens, token) for token in label_ids(tokens.tokenizer, words, before))


def _spelling(tokens: Tokens, token: Any) -> Spelling:
    text = decode(tokens, [token])
    bare = text.strip()
    piece = str(tokens.tokenizer.convert_ids_to_tokens(token))
    blank = " " if text[:1] == " " or piece[:1] in BLANKS else ""
    return Spelling((f"{blank}{bare}", piece), bare)
