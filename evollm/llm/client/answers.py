"""A server's reply, parsed, stored as JSON, and returned as a completion."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evollm.llm.base import Completion, Sampling, Token
from evollm.llm.client.speech import Speech, hear, read_on
from evollm.llm.transport.complaints import clean, line, within
from evollm.types import JSON

_LETTERS_A_TOKEN = 32
_LONGEST_WORD = 200
_MOST_TOKENS = 2**31


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of a server.

    Attributes:
        text: The model's answer.
        error: Why it is unusable, or None.
        prompt_tokens: As counted by the server, or an estimate.
        completion_tokens: As counted by the server, or an estimate.
        tokens: With log-probabilities, if requested.
        finish: Why generation ended, as the server reports it.
        fingerprint: The server's version, as it reports it.
        broken: Whether the text breaks the schema, so that another attempt may help.
        counted: Whether the server reported the numbers of tokens; otherwise they are upper bounds.
        starved: Whether the model's reasoning left no tokens for an answer, so that a larger limit
            may help.
        definite: Whether the model answered at all; only then is the answer cached.
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
    starved: bool = False
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
            **({"starved": True} if self.starved else {}),
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
        """Return the answer as a completion."""
        return Completion(
            text=self.text,
            error=self.error,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            tokens=self.tokens,
            seconds=seconds,
            cost=cost,
            cached=cached,
            answered=self.definite,
        )


def read(
    reply: Mapping[str, Any], sampling: Sampling, n: int = 1, prompt_bound: int = 0
) -> list[Answer]:
    """Parse a server's reply into ``n`` answers, with errors where the reply is malformed.

    The usage in a reply with several samples covers the first one; the tokens of the others are
    counted by their log-probabilities, with the same allowance for the token that ends an answer.
    Counts that a server does not report are replaced by an upper bound: one token per byte.

    Args:
        reply: The parsed reply.
        sampling: Of the request.
        n: Number of requested samples.
        prompt_bound: Number of prompt tokens to assume if the server does not report it.
    """
    usage = reply.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    prompt, completion = (_count(usage.get(f"{name}_tokens")) for name in ("prompt", "completion"))
    counting = n > 1 or sampling.top_logprobs > 0
    samples = [_read(reply, sampling, place, counting) for place in range(n)]
    ending = (completion or 0) - len(samples[0][0].tokens)
    return [
        replace(
            answer,
            prompt_tokens=_or(prompt, prompt_bound * answer.definite),
            completion_tokens=answer.completion_tokens
            if completion is None
            else max(0, len(answer.tokens) + ending),
            tokens=_within(answer, speech, sampling) if sampling.top_logprobs else (),
            counted=not answer.definite or (prompt is not None and completion is not None),
        )
        for answer, speech in samples
    ]


def _count(number: object) -> int | None:
    """Return a count of tokens; None if it is missing or not plausible."""
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    whole = isinstance(number, int) and not isinstance(number, bool)
    return number if whole and 0 <= number <= _MOST_TOKENS else None  # type: ignore[operator,return-value]


def _or(number: int | None, otherwise: int) -> int:
    return otherwise if number is None else number


def _read(
    reply: Mapping[str, Any], sampling: Sampling, place: int, counting: bool
) -> tuple[Answer, Speech]:
    """Read one sample of a reply with all its tokens, and the model's whole text."""
    fingerprint = reply.get("system_fingerprint")
    try:
        answer, speech = _read_choice(reply, sampling, place, counting)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as fault:
        odd = isinstance(fault, _Odd)
        error = str(fault) if odd else "the reply lacks a field or is malformed"
        answer, speech = Answer(error=error, definite=False), Speech(None)
    known = clean(fingerprint)[:_LONGEST_WORD] if isinstance(fingerprint, str) else None
    return replace(answer, fingerprint=known), speech


class _Odd(ValueError):
    """A reply that is not an answer; its text gives the cause."""


def _read_choice(
    reply: Mapping[str, Any], sampling: Sampling, place: int, counting: bool
) -> tuple[Answer, Speech]:
    choices = reply.get("choices")
    if not choices:
        fault = within(reply)
        raise _Odd(f"the server said: {fault.said}" if fault else "the reply has no choices")
    choice = choices[place]
    if choice.get("index", place) != place:
        choice = next((one for one in choices if one["index"] == place), None)
    plain = sampling.mode == "plain"
    message = {} if plain else choice["message"]
    speech = read_on(choice["text"], sampling.stop) if plain else hear(message, sampling.stop)
    finish = str(choice.get("finish_reason") or "stop")[:_LONGEST_WORD]
    text = clean(speech.answer)
    error, starved = _fault(finish, message.get("refusal"), speech, sampling)
    most = sampling.max_tokens * _LETTERS_A_TOKEN
    if len(text) > most:
        text = text[:most]
        error = error or (
            f"the answer is far beyond max_tokens ({sampling.max_tokens}): it was cut after {most} "
            "characters"
        )
    tokens = _read_tokens(choice.get("logprobs") or {}) if counting else ()
    if sampling.top_logprobs and speech.whole and not tokens and error is None:
        raise _Odd("the reply has no log-probabilities")
    spent = _estimate(finish, speech, sampling)
    return Answer(text, error, 0, spent, tokens, finish, starved=starved), speech


def _fault(
    finish: str, refusal: object, speech: Speech, sampling: Sampling
) -> tuple[str | None, bool]:
    """Return why an answer is unusable, and whether the model's reasoning left no tokens for it."""
    cut = finish == "length" and not speech.stopped
    nothing = not speech.answer and sampling.mode == "chat"
    if speech.unended or (cut and nothing):
        return (
            f"the answer was cut off before it began, at max_tokens ({sampling.max_tokens}): the "
            "model used all tokens for thinking"
        ), True
    if cut and not sampling.partial:
        return f"the answer was cut off at max_tokens ({sampling.max_tokens})", speech.thought
    if finish == "content_filter":
        return "the server's content filter stopped the answer", False
    if refusal:
        return f"the model refused: {line(str(refusal))}", False
    if speech.thought and not speech.answer.strip():
        return "the model thought, but gave no answer", False
    if speech.whole is None:
        raise _Odd("the reply has no text")
    return None, False


def _estimate(finish: str, speech: Speech, sampling: Sampling) -> int:
    """Return an upper bound of the generated tokens, if the server does not report them."""
    if finish == "length":
        return sampling.max_tokens
    size = len(clean(speech.whole or "").encode()) + speech.hidden + 1
    return min(size, max(sampling.max_tokens, size // 4))


def _within(answer: Answer, speech: Speech, sampling: Sampling) -> tuple[Token, ...]:
    """Return the tokens of the answer, without reasoning and the text after a stop string."""
    size = len(speech.whole or "")
    if "".join(token.text for token in answer.tokens) != clean(speech.whole or ""):
        return answer.tokens[: 2 * sampling.max_tokens]
    end = min(speech.end, speech.begin + len(answer.text))
    kept, place = [], 0
    for token in answer.tokens:
        if speech.begin <= place and (place < end or end == size):
            kept.append(token)
        place += len(token.text)
    return tuple(kept)


def _read_tokens(logprobs: Mapping[str, Any]) -> tuple[Token, ...]:
    """Read both formats: a list of records (chat), and parallel lists (plain)."""
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


def dump(answer: Answer) -> str:
    """Return an answer as a line of ASCII."""
    return json.dumps(answer.as_json(), separators=(",", ":"))


def load(line: str) -> Answer:
    """Read a line that ``dump`` wrote."""
    return Answer.from_json(json.loads(line))
