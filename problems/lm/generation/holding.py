"""Grammars and schemas: which tokens a model may write next; needs llguidance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from evollm.errors import EvollmError
from evollm.types import JSON
from problems.lm.extra import require
from problems.lm.load import LM

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer
    from torch import Tensor

Form: TypeAlias = str | Mapping[str, JSON]
"""What a text must be: a GBNF grammar, or a JSON schema."""
_MOST_KNOWN = 256  # number of forms that stay compiled for a model


class Held:
    """A text under way that must have a form; ``held`` returns one.

    Args:
        now: What may follow.
    """

    def __init__(self, now: LLMatcher) -> None:
        self._now = now

    def copy(self) -> Held:
        """Return one that is at the same place, and goes its own way."""
        return Held(self._now.deep_copy())

    @property
    def whole(self) -> bool:
        """Whether the text is complete, and nothing may follow."""
        return bool(self._now.is_stopped())

    def add(self, token: int) -> None:
        """Append a token.

        Raises:
            EvollmError: If it may not follow, or the form is too complex.
        """
        if not self._now.consume_token(token):
            raise EvollmError(f"a text can't be held to its grammar: {_why(self._now)}")

    def allow(self, bits: Any) -> None:
        """Write which tokens may follow into an array of shape ``(1, words)`` of 32 bits each."""
        from llguidance.numpy import fill_next_token_bitmask

        fill_next_token_bitmask(self._now, bits)
        if self._now.is_error():
            raise EvollmError(f"a text can't be held to its grammar: {_why(self._now)}")


def held(lm: LM, form: Form) -> Held:
    """Return a text that must have a form, before its first token.

    Args:
        lm: Whose tokens it consists of.
        form: A GBNF grammar, or a JSON schema.

    Raises:
        EvollmError: If llguidance is missing, the form can't be read, or the model's tokenizer is
            none of the library tokenizers.
    """
    require("llguidance")
    known = _KNOWN.get(lm)
    if known is None:
        known = _KNOWN[lm] = _Forms(lm)
    return Held(known.compiled(form)).copy()


class _Forms:
    """Forms that are compiled for a model's tokens."""

    def __init__(self, lm: LM) -> None:
        self._tokens = _tokens(lm)
        self._compiled: dict[str, LLMatcher] = {}

    def compiled(self, form: Form) -> LLMatcher:
        written = _written(form)
        found = self._compiled.get(written)
        if found is None:
            if len(self._compiled) >= _MOST_KNOWN:
                self._compiled.clear()
            found = self._compiled[written] = _compile(self._tokens, written)
        return found


_KNOWN: WeakKeyDictionary[LM, _Forms] = WeakKeyDictionary()


def _tokens(lm: LM) -> LLTokenizer:
    from llguidance.hf import from_tokenizer

    try:
        return from_tokenizer(lm.tokenizer, n_vocab=lm.vocabulary, eos_token=list(lm.ends))
    except ValueError as error:
        raise EvollmError(
            f"{lm.name} can't be held to a grammar, because of its tokenizer ({error})"
        ) from None


def _written(form: Form) -> str:
    """Return a form in the words of llguidance."""
    from llguidance import LLMatcher, grammar_from

    if not isinstance(form, str):
        return LLMatcher.grammar_from_json_schema(dict(form))
    try:
        return grammar_from("gbnf", form)
    except ValueError as error:
        raise EvollmError(f"the grammar can't be read: {error}") from None


def _compile(tokens: LLTokenizer, written: str) -> LLMatcher:
    from llguidance import LLMatcher

    found = LLMatcher(tokens, written, log_level=0)
    if found.is_error():
        raise EvollmError(f"the grammar can't be read: {_why(found)}")
    return found


def _why(matcher: LLMatcher) -> str:
    return next(iter(matcher.get_error().splitlines()), "a token may not follow")[:200]


def allowed(scores: Tensor, texts: Sequence[Held | None]) -> Tensor:
    """Return logits in which the tokens that may not follow are minus infinity.

    Args:
        scores: Of shape ``(texts, vocabulary)``.
        texts: What each row continues; None if anything may follow.
    """
    import numpy as np
    import torch
    from llguidance.numpy import allocate_token_bitmask

    if not any(texts):
        return scores
    bits = allocate_token_bitmask(len(texts), scores.shape[1])
    for row, text in enumerate(texts):
        if text is not None:
            text.allow(bits[row : row + 1])
    free = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : scores.shape[1]]
    return scores.masked_fill(torch.from_numpy(free == 0).to(scores.device), -torch.inf)
