"""What a model answered: read from a server's reply, kept as JSON, told as a completion."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evollm.llm.base import Completion, Token
from evollm.llm.client.requests import Options
from evollm.types import JSON


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of a server.

    Attributes:
        text: What the model said.
        error: Why it is of no use, or None.
        prompt_tokens: As counted by the server.
        completion_tokens: As counted by the server.
        tokens: With log-probabilities, if asked for.
        finish: The server's word for why the model ended.
        fingerprint: The server's word for its own version.
        broken: Whether the text breaks the schema, so that asking again may help.
        counted: Whether the server told the numbers of tokens.
        definite: Whether a model spoke at all; only then is the answer worth caching.
    """

    text: str = ""
    error: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens: tuple[Token, ...] = ()
    finish: str | None = None
    fingerprint: str | None = None
    broken: bool = False
    counted: bool = True
    definite: bool = True

    def as_json(self) -> dict[str, JSON]:
        """Return the answer as JSON; ``from_json`` reads it back."""
        return {
            "text": self.text,
            "error": self.error,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "tokens": [[token.text, token.logprob, token.top] for token in self.tokens],
            "finish": self.finish,
            "fingerprint": self.fingerprint,
            "broken": self.broken,
            "counted": self.counted,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, JSON]) -> "Answer":
        """Read an answer from the JSON that ``as_json`` made."""
        tokens = tuple(
            Token(text, logprob, tuple((other, value) for other, value in top))
            for text, logprob, top in kept["tokens"]
        )
        return cls(**{**kept, "tokens": tokens})

    def completion(self, seconds: float, cost: float | None, cached: bool) -> Completion:
        """Return the answer as operators see it."""
        return Completion(
            text=self.text,
            error=self.error,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            tokens=self.tokens,
            seconds=seconds,
            cost=cost,
            cached=cached,
        )


def read(reply: Mapping[str, Any], options: Options, n: int = 1) -> list[Answer]:
    """Read a server's reply; whatever its form, ``n`` answers come back, if need be with errors.

    The usage of a reply with several samples counts the first one; the others are counted by their
    log-probabilities, with the same allowance for the token that ends an answer.
    """
    usage = reply.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    counting = n > 1 or options.top_logprobs > 0
    first = _read(reply, options, 0, counting)
    prompt, completion = (
        number if isinstance(number := usage.get(name), int) and number >= 0 else None
        for name in ("prompt_tokens", "completion_tokens")
    )
    ending = (completion or 0) - len(first.tokens)
    answers = [first, *(_read(reply, options, place, counting) for place in range(1, n))]
    return [
        replace(
            answer,
            prompt_tokens=prompt or 0,
            completion_tokens=max(0, len(answer.tokens) + ending),
            tokens=answer.tokens if options.top_logprobs else (),
            counted=prompt is not None and completion is not None,
        )
        for answer in answers
    ]


def _read(reply: Mapping[str, Any], options: Options, place: int, counting: bool) -> Answer:
    """Read one sample of a reply, all its tokens kept."""
    fingerprint = reply.get("system_fingerprint")
    try:
        text, error, tokens, finish = _read_choice(reply, options, place, counting)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as fault:
        text, tokens, finish = "", (), None
        error = (
            str(fault) if isinstance(fault, _Odd) else "the reply lacks a field or has an odd form"
        )
    return Answer(
        text=text,
        error=error,
        tokens=tokens,
        finish=finish,
        fingerprint=fingerprint if isinstance(fingerprint, str) else None,
        definite=finish is not None,
    )


class _Odd(ValueError):
    """A reply that is not an answer; its text says why."""


def _read_choice(
    reply: Mapping[str, Any], options: Options, place: int, counting: bool
) -> tuple[str, str | None, tuple[Token, ...], str]:
    choices = reply.get("choices")
    if not choices:
        fault = reply.get("error")
        said = fault.get("message") if isinstance(fault, Mapping) else fault
        raise _Odd(f"the server said: {clean(str(said))}" if said else "the reply has no choices")
    choice = choices[place]
    if choice.get("index", place) != place:
        choice = next((one for one in choices if one["index"] == place), None)
    message = {} if options.mode == "plain" else choice["message"]
    text = choice["text"] if options.mode == "plain" else message.get("content")
    finish = str(choice.get("finish_reason") or "stop")
    error = _fault(finish, message.get("refusal"), text, options)
    tokens = _read_tokens(choice.get("logprobs") or {}) if counting else ()
    if options.top_logprobs and not tokens and error is None:
        raise _Odd("the reply has no log-probabilities")
    return clean(text or ""), error, tokens, finish


def _fault(finish: str, refusal: object, text: object, options: Options) -> str | None:
    if finish == "length":
        return f"the answer was cut off at max_tokens ({options.max_tokens})"
    if finish == "content_filter":
        return "the server's content filter stopped the answer"
    if refusal:
        return f"the model refused: {clean(str(refusal))}"
    if not isinstance(text, str):
        raise _Odd("the reply has no text")
    return None


def _read_tokens(logprobs: Mapping[str, Any]) -> tuple[Token, ...]:
    """Read both forms: a list of records (chat), and parallel lists (plain)."""
    if content := logprobs.get("content"):
        return tuple(
            Token(
                clean(item["token"]),
                float(item["logprob"]),
                _ordered([(top["token"], top["logprob"]) for top in item["top_logprobs"] or ()]),
            )
            for item in content
        )
    texts, values = logprobs.get("tokens") or (), logprobs.get("token_logprobs") or ()
    tops = logprobs.get("top_logprobs") or [{}] * len(texts)
    return tuple(
        Token(clean(text), float(value), _ordered(list((top or {}).items())))
        for text, value, top in zip(texts, values, tops, strict=True)
    )


def _ordered(top: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    pairs = [(clean(text), float(value)) for text, value in top]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


def clean(text: str) -> str:
    """Return a text that UTF-8 can hold: halves of surrogate pairs become question marks."""
    return text.encode("utf-8", "replace").decode()


def dump(answer: Answer) -> str:
    """Return an answer as a line of ASCII."""
    return json.dumps(answer.as_json(), separators=(",", ":"))


def load(line: str) -> Answer:
    """Read what ``dump`` wrote."""
    return Answer.from_json(json.loads(line))
