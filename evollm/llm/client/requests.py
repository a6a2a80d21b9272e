"""Requests: one sample of one prompt, with its key and token bounds."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf

from evollm.llm.base import Mode, ModelError, Prompt, Sampling
from evollm.llm.client.schemas import check_schema
from evollm.types import JSON

MAX_SEED = 2**31
"""Servers accept seeds of 31 bits; larger ones are wrapped before they are sent."""
ATTEMPT_STRIDE = 1_000_003


@dataclass(frozen=True)
class Ask:
    """The request for one sample of one prompt, at one attempt.

    Attributes:
        model: The model's name.
        endpoint: The endpoint's name in the cache.
        prompt: A text or chat messages.
        sampling: Shared with the other samples of its call.
        sample: The sample's index among those of its prompt.
        attempt: Number of earlier answers that broke the schema.
        extra: Additional fields of the request's body.
    """

    model: str
    endpoint: str
    prompt: Prompt
    sampling: Sampling
    sample: int = 0
    attempt: int = 0
    extra: Mapping[str, JSON] = field(default_factory=dict)

    def again(self) -> "Ask":
        """Return the next attempt at the same sample."""
        return replace(self, attempt=self.attempt + 1)

    @property
    def seed(self) -> int | None:
        """The seed to send: the call's seed, shifted by sample and attempt."""
        if self.sampling.seed is None:
            return None
        return (self.sampling.seed + self.sample + ATTEMPT_STRIDE * self.attempt) % MAX_SEED

    @property
    def request(self) -> dict[str, JSON]:
        """The whole request as JSON, as it is hashed and recorded."""
        sampling = self.sampling
        return {
            "endpoint": self.endpoint,
            "model": self.model,
            "mode": sampling.mode,
            "prompt": self.prompt
            if isinstance(self.prompt, str)
            else [dict(message) for message in self.prompt],
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_tokens,
            "schema": sampling.schema,
            "grammar": sampling.grammar,
            "stop": list(sampling.stop),
            "top_logprobs": sampling.top_logprobs,
            "seed": sampling.seed,
            "extra": self.extra,
            "sample": self.sample,
            "attempt": self.attempt,
            **({"partial": True} if sampling.partial else {}),
        }

    @cached_property
    def key(self) -> str:
        """SHA-256 of the whole request in its canonical form."""
        text = json.dumps(self.request, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def most_prompt_tokens(self) -> int:
        """Upper bound of prompt tokens: one per byte plus some for the template."""
        if isinstance(self.prompt, str):
            frame = 16 if self.sampling.mode == "plain" else 256 + 16
            return len(self.prompt.encode()) + frame
        return 256 + sum(16 + len(message["content"].encode()) for message in self.prompt)

    @property
    def most_tokens(self) -> int:
        """Upper bound of prompt and generated tokens."""
        return self.most_prompt_tokens + self.sampling.max_tokens


def check(prompts: Sequence[Prompt], sampling: Sampling, n: int) -> None:
    """Check the arguments of ``complete``.

    Raises:
        ModelError: If a prompt or an option is invalid.
    """
    if isinstance(prompts, str):
        raise ModelError(
            "complete() needs a list of prompts, not a string: put a single prompt into a list"
        )
    _check_numbers(sampling, n)
    if not all(isinstance(text, str) and text for text in sampling.stop):
        raise ModelError(f"stop must be strings, none of them empty, not {sampling.stop!r}")
    if sampling.schema is not None and sampling.grammar is not None:
        raise ModelError("the sampling has a schema and a grammar: give one of them")
    if not isinstance(sampling.grammar, str | None):
        raise ModelError(f"a grammar must be text in GBNF, not {sampling.grammar!r}")
    if sampling.schema is not None:
        check_schema(sampling.schema)
    if sampling.mode not in ("plain", "chat"):
        raise ModelError(f"the mode must be 'plain' or 'chat', not {sampling.mode!r}")
    for prompt in prompts:
        _check_prompt(prompt, sampling.mode)


def _check_numbers(sampling: Sampling, n: int) -> None:
    counts = ("n", n, 1), ("max_tokens", sampling.max_tokens, 1)
    for name, value, least in (*counts, ("top_logprobs", sampling.top_logprobs, 0)):
        if not _whole(value) or value < least:
            raise ModelError(f"{name} must be a whole number, {least} or more, not {value!r}")
    if sampling.seed is not None and not _whole(sampling.seed):
        raise ModelError(f"seed must be a whole number or None, not {sampling.seed!r}")
    temperature = sampling.temperature
    if not (_whole(temperature) or isinstance(temperature, float)) or not 0 <= temperature < inf:
        raise ModelError(f"temperature must be a finite number, 0 or more, not {temperature!r}")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_prompt(prompt: Prompt, mode: Mode) -> None:
    if not isinstance(prompt, str):
        if mode == "plain":
            raise ModelError(
                "plain mode needs strings as prompts: give strings, or use mode='chat'"
            )
        if not prompt or not all({"role", "content"} <= message.keys() for message in prompt):
            raise ModelError("a chat message lacks its role or its content: give both")
    texts = [prompt] if isinstance(prompt, str) else [message["content"] for message in prompt]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        raise ModelError(
            "a prompt contains half of a surrogate pair, which can't be sent: remove it"
        ) from None
