"""The interface of language models: prompts in, completions out."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np

from evollm.errors import EvollmError
from evollm.types import JSON


class Price(NamedTuple):
    """The price per million tokens, in the currency of the budget.

    Attributes:
        input: Price per million prompt tokens.
        output: Price per million generated tokens.
    """

    input: float
    output: float

    @classmethod
    def parse(cls, text: str) -> "Price":
        """Parse ``"IN,OUT"``, such as ``"0.15,0.60"``.

        Raises:
            EvollmError: If the text is not two numbers of at least 0.
        """
        try:
            price = cls(*(float(part) for part in text.split(",")))
        except (TypeError, ValueError):
            price = cls(math.nan, math.nan)
        if not all(0 <= figure < math.inf for figure in price):
            raise EvollmError(
                f"the price {text!r} must be two numbers IN,OUT per million prompt and generated "
                "tokens, such as 0.15,0.60"
            )
        return price

    @classmethod
    def from_environment(cls) -> "Price | None":
        """Return the price in ``$EVOLLM_PRICE``; None (unknown) if it is not set."""
        text = os.environ.get("EVOLLM_PRICE")
        return cls.parse(text) if text else None

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the cost of these tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


Prompt: TypeAlias = str | Sequence[Mapping[str, str]]
"""A string, or a list of chat messages such as ``{"role": ..., "content": ...}``."""
Mode: TypeAlias = Literal["plain", "chat"]


@dataclass(frozen=True)
class Sampling:
    """Sampling parameters, shared by all samples of one request.

    Attributes:
        temperature: At least 0; 0 is greedy.
        max_tokens: Upper limit of generated tokens per sample; a truncated answer has an error,
            unless ``partial``.
        stop: Strings that end an answer and are not part of it.
        mode: ``chat`` for the chat endpoint, ``plain`` for the completion endpoint.
        schema: JSON schema that every answer must satisfy; the client always checks it.
        grammar: GBNF grammar that the endpoint must enforce; excludes ``schema``.
        top_logprobs: If positive, every token is returned with its log-probability and this many
            alternatives.
        seed: Sample ``i`` is requested with ``seed + i``; endpoints honour it as far as they can.
        partial: Whether an answer that is cut off at ``max_tokens`` is as good as any other.
    """

    temperature: float = 1.0
    max_tokens: int = 512
    stop: Sequence[str] = ()
    mode: Mode = "chat"
    schema: Mapping[str, JSON] | None = None
    grammar: str | None = None
    top_logprobs: int = 0
    seed: int | None = None
    partial: bool = False

    def __post_init__(self) -> None:
        stop = (self.stop,) if isinstance(self.stop, str) else self.stop or ()
        object.__setattr__(self, "stop", tuple(stop) if isinstance(stop, Iterable) else (stop,))
        for name in ("temperature", "max_tokens", "top_logprobs", "seed"):
            value = getattr(self, name)
            if isinstance(value, np.generic):  # JSON knows only Python's own numbers
                object.__setattr__(self, name, value.item())


class ModelError(EvollmError):
    """The endpoint refuses or does not support a request, or is unreachable; do not retry."""


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token.

    Attributes:
        text: The token.
        logprob: Its log-probability (natural logarithm).
        top: The most likely alternatives, as pairs of text and log-probability, most likely first.
    """

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer to one prompt.

    Attributes:
        text: The model's answer; empty if the call failed.
        error: Why the answer must not be used (a failed call, a truncation, a broken schema), or
            None.
        prompt_tokens: As counted by the endpoint.
        completion_tokens: As counted by the endpoint.
        tokens: The generated tokens with log-probabilities, if they were requested.
        seconds: Seconds from the request to the answer.
        cost: Money paid; None if the price is unknown.
        cached: Whether it came from the cache.
        key: Hash of the request, which identifies the call in a run's record.
        answered: Whether the model answered at all, if only with an answer that must not be used.
    """

    text: str
    error: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens: tuple[Token, ...] = ()
    seconds: float = 0.0
    cost: float | None = None
    cached: bool = False
    key: str = ""
    answered: bool = True

    @property
    def logprob(self) -> float:
        """Sum of the tokens' log-probabilities; 0 if they were not requested."""
        return sum(token.logprob for token in self.tokens)


@runtime_checkable
class LanguageModel(Protocol):
    """Completes several prompts, with several samples each.

    Attributes:
        name: The model's name, as recorded.
    """

    name: str

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Return ``n`` completions per prompt, in the order of the prompts.

        Args:
            prompts: Strings or lists of chat messages; plain mode accepts strings only.
            sampling: The sampling parameters.
            n: Samples per prompt; each is a call and a cache entry of its own.

        Raises:
            ModelError: If the key is missing (401), the model is unknown (404), a capability is
                missing, or the endpoint answers none of the prompts after all retries.
            Exhausted: If the budget is used up; earlier answers are recorded.
        """
        ...
