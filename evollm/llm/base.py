"""The interface of language models: prompts in, completions out."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from evollm.errors import EvollmError
from evollm.types import JSON


class Price(NamedTuple):
    """The price of a million tokens, in the currency of the budget.

    Attributes:
        input: For a million prompt tokens.
        output: For a million generated tokens.
    """

    input: float
    output: float

    @classmethod
    def parse(cls, text: str) -> "Price":
        """Read ``"IN,OUT"``, say ``"0.15,0.60"``.

        Raises:
            EvollmError: If the text is not two numbers of at least 0.
        """
        try:
            price = cls(*(float(part) for part in text.split(",")))
        except (TypeError, ValueError):
            price = cls(math.nan, math.nan)
        if not all(0 <= figure < math.inf for figure in price):
            raise EvollmError(
                f"the price {text!r} must be two numbers IN,OUT: money for a million prompt tokens "
                "and for a million generated ones, say 0.15,0.60"
            )
        return price

    @classmethod
    def from_environment(cls) -> "Price | None":
        """Return the price in ``$EVOLLM_PRICE``; None, hence unknown, if it is not set."""
        text = os.environ.get("EVOLLM_PRICE")
        return cls.parse(text) if text else None

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the cost of these tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


Prompt: TypeAlias = str | Sequence[Mapping[str, str]]
"""A text, or chat messages as ``{"role": ..., "content": ...}``."""
Mode: TypeAlias = Literal["plain", "chat"]


@dataclass(frozen=True)
class Sampling:
    """How a model is asked: the parameters that all samples of one request share.

    Attributes:
        temperature: At least 0; 0 is greedy.
        max_tokens: Upper limit of generated tokens per sample; a truncated answer has an error.
        stop: Texts that end an answer and are not part of it.
        mode: ``chat`` for the chat endpoint, ``plain`` for the one that continues a text.
        schema: JSON schema that every answer must meet; always checked by the client, whatever the
            endpoint enforces.
        grammar: GBNF grammar that the endpoint must enforce; excludes ``schema``.
        top_logprobs: If positive, every token has its log-probability and this many alternatives.
        seed: Sample ``i`` is requested with ``seed + i``; endpoints honour it as far as they can.
    """

    temperature: float = 1.0
    max_tokens: int = 512
    stop: Sequence[str] = ()
    mode: Mode = "chat"
    schema: Mapping[str, JSON] | None = None
    grammar: str | None = None
    top_logprobs: int = 0
    seed: int | None = None

    def __post_init__(self) -> None:
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
        object.__setattr__(self, "stop", stop)


class ModelError(EvollmError):
    """The endpoint refuses a request, does not support it or is unreachable; do not retry."""


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token.

    Attributes:
        text: The token.
        logprob: Its natural log-probability.
        top: The most likely alternatives at its place, as text and log-probability, most likely
            first.
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
        seconds: From the request to the answer.
        cost: Money; None if the price is unknown.
        cached: Whether it came from the cache.
        key: Hash of the request, which identifies the call in a run's record.
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

    @property
    def logprob(self) -> float:
        """Sum of the tokens' log-probabilities; 0 if none were requested."""
        return sum(token.logprob for token in self.tokens)


@runtime_checkable
class LanguageModel(Protocol):
    """Completes many prompts, with several samples each; how they are sent is up to the model.

    Attributes:
        name: The model's name, as recorded.
    """

    name: str

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Return ``n`` completions per prompt, in the order of the prompts.

        Args:
            prompts: Texts or chat messages; plain mode accepts texts only.
            sampling: How the model is asked.
            n: Samples per prompt; each is a call and a cache entry of its own.

        Raises:
            ModelError: At once for a missing key (401), an unknown model (404), a missing
                capability, or an endpoint that answers none of the prompts after all retries.
            Exhausted: If the budget is used up; earlier answers are recorded.
        """
        ...
