"""The context length of an endpoint, and the number of tokens in a prompt."""

import re
from collections.abc import Sequence
from typing import Any

from evollm.llm.base import Prompt

REFUSED = "the endpoint does not take this prompt"
"""Beginning of the error of an answer whose prompt was refused."""
_LIMITS = (
    r"(?:maximum|max|available) (?:context|prompt|sequence)[ _](?:length|size)\D{0,16}?(\d+)",
    r"context (?:length|size|window)\D{0,16}?(\d+)",
    r"(\d+) (?:tokens? )?(?:maximum|max)\b",
    r"tokens?\b.{0,30}must be <= ?(\d+)",
    r"maximum number of tokens allowed\D{0,4}(\d+)",
)
_PIECE = re.compile(r"[a-z]+|.", re.DOTALL)
_CHAT_TOKENS = 32


def named_limit(message: str) -> int | None:
    """Return the token limit that a refusal names; None if it names none."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", message.lower())
    if "token" not in plain and "context" not in plain:
        return None
    for pattern in _LIMITS:
        if found := re.search(pattern, plain):
            return int(found[1]) or None
    return None


def too_long(error: str | None) -> bool:
    """Return whether an answer's error is that the prompt or the requested answer is too long."""
    return error is not None and error.startswith(f"{REFUSED}, it is too long")


def estimate(text: str) -> int:
    """Estimate the number of tokens in a text; the estimate tends to be too high.

    Up to three lower-case letters count as one token, as does every digit, sign and capital; other
    letters count as their UTF-8 bytes. Names, numbers and abbreviations rarely have more tokens.
    """
    return sum(_most(piece) for piece in _PIECE.findall(text))


def _most(piece: str) -> int:
    if piece == " ":
        return 0  # it belongs to the word that follows
    return -(-len(piece) // 3) if piece.isalpha() and piece.isascii() else len(piece.encode())


def most_tokens(prompt: Prompt) -> int:
    """Return an upper bound of a prompt's tokens: every token has at least one byte."""
    return sum(len(text.encode()) for text in _texts(prompt)) + _frame(prompt)


def count(model: Any, prompts: Sequence[Prompt]) -> list[int]:
    """Return the number of tokens of each prompt, by the model's tokenizer or else estimated.

    Args:
        model: A language model; its method ``count_tokens(texts)`` is used if there is one.
        prompts: As for ``complete``.
    """
    counted = getattr(model, "count_tokens", None)
    texts = ["\n".join(_texts(prompt)) for prompt in prompts]
    found = counted(texts) if counted else [estimate(text) for text in texts]
    return [tokens + _frame(prompt) for tokens, prompt in zip(found, prompts, strict=True)]


def _texts(prompt: Prompt) -> list[str]:
    return [prompt] if isinstance(prompt, str) else [message["content"] for message in prompt]


def _frame(prompt: Prompt) -> int:
    """Return the maximum number of tokens that a chat template adds."""
    return 1 if isinstance(prompt, str) else _CHAT_TOKENS * len(prompt)
