"""Grammars and schemas: which tokens a model may write next; needs llguidance."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from evollm.errors import EvollmError
from evollm.types import JSON
from problems.lm.extra import require
from problems.lm.generation.gbnf import read
from problems.lm.generation.lark import lark
from problems.lm.load import LM

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer
    from torch import Tensor

Form: TypeAlias = str | Mapping[str, JSON]
"""What a text must be: a GBNF grammar, or a JSON schema."""
_OPTIONS: Any = {"whitespace_flexible": False, "coerce_one_of": True, "lenient": True}
"""Without white space that a small model does not leave again; what can't be enforced is checked
afterwards."""
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
            raise self._fault()

    def end(self) -> None:
        """Check that the text may end.

        Raises:
            EvollmError: If its form needs more, such as the text of a token that ends it.
        """
        if not self._now.is_accepting():
            raise EvollmError(
                "a text ended before its grammar or schema was met: leave the names of special "
                "tokens out of it"
            )

    def _fault(self) -> EvollmError:
        return EvollmError(
            f"a text can't be held to its grammar or schema ({_why(self._now)}): make it simpler"
        )

    def allow(self, bits: Any) -> None:
        """Write which tokens may follow into an array of shape ``(1, words)`` of 32 bits each."""
        from llguidance.numpy import fill_next_token_bitmask

        fill_next_token_bitmask(self._now, bits)
        if self._now.is_error():
            raise self._fault()


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
    if lm not in _COMPILERS:
        _COMPILERS[lm] = lru_cache(_MOST_KNOWN)(partial(_compile, _tokens(lm)))
    text = form if isinstance(form, str) else json.dumps(form, default=dict)
    return Held(_COMPILERS[lm](text, isinstance(form, str))).copy()


_COMPILERS: WeakKeyDictionary[LM, Callable[[str, bool], LLMatcher]] = WeakKeyDictionary()


def _tokens(lm: LM) -> LLTokenizer:
    from llguidance.hf import from_tokenizer

    try:
        tokenizer = _of_bytes(lm.tokenizer)
        return from_tokenizer(tokenizer, n_vocab=lm.vocabulary, eos_token=list(lm.ends))
    except ValueError as error:
        raise EvollmError(
            f"{lm.name} can't be held to a grammar, because of its tokenizer ({error})"
        ) from None


def _of_bytes(tokenizer: Any) -> Any:
    """Return a tokenizer whose tokens llguidance reads as bytes, if that is what they stand for.

    Some releases of transformers read such a tokenizer from a GGUF file as one that also falls back
    to bytes; llguidance then takes the letters that stand for bytes to be the text.
    """
    from tokenizers.decoders import ByteLevel

    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    if isinstance(decoder, ByteLevel) or "ByteLevel" not in repr(decoder):
        return tokenizer
    found = deepcopy(tokenizer)
    found.backend_tokenizer.decoder = ByteLevel()
    return found


def _compile(tokens: LLTokenizer, text: str, grammar: bool) -> LLMatcher:
    from llguidance import LLMatcher

    if grammar:
        kind, written = "grammar", LLMatcher.grammar_from_lark(lark(read(text)))
    else:
        kind, written = "schema", LLMatcher.grammar_from_json_schema(text, _OPTIONS)
    found = LLMatcher(tokens, written, log_level=0)
    if found.is_error():
        raise EvollmError(f"a model can't be held to this {kind} ({_why(found)}): make it simpler")
    return found


def _why(matcher: LLMatcher) -> str:
    return " ".join(matcher.get_error().split())[:200] or "a token may not follow"


def allowed(scores: Tensor, texts: Sequence[Held | None]) -> Tensor:
    """Return logits in which the tokens that may not follow are minus infinity.

    Args:
        scores: Of shape ``(texts, vocabulary)``.
        texts: What each row continues; None if anything may follow.
    """
    if not any(texts):
        return scores
    import numpy as np
    import torch
    from llguidance.numpy import allocate_token_bitmask

    bits = allocate_token_bitmask(len(texts), scores.shape[1])
    for row, text in enumerate(texts):
        if text is not None:
            text.allow(bits[row : row + 1])
    free = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : scores.shape[1]]
    return scores.masked_fill(torch.from_numpy(free == 0).to(scores.device), -torch.inf)
