"""Error messages of an endpoint in any format, with secrets removed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evollm.types import JSON

_WORDS = ("message", "msg", "detail", "error", "error_description", "reason", "title", "raw")
_MARKS = ("code", "type", "status")
_LONGEST, _DEEPEST = 300, 8
_SHORTEST_SECRET = 8  # A shorter key is a placeholder such as "none", which is also a common word.


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error of an endpoint.

    Attributes:
        status: The HTTP status, or the one named in the error.
        said: The message, on one line and shortened.
        fields: The fields of the request that the message names.
        marks: The codes and types.
        headers: Of the reply.
    """

    status: int
    said: str
    fields: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)


def complaint(status: int, body: JSON, headers: Mapping[str, str] | None = None) -> Complaint:
    """Parse an error in OpenAI's format, as a list, nested as in FastAPI, or as plain text.

    Args:
        status: The HTTP status.
        body: The reply, parsed if it is JSON, after ``scrub``.
        headers: Of the reply.
    """
    found = list(_walk(body, 0))
    said = [text for kind, text in found if kind == "said"]
    whole = "; ".join(dict.fromkeys(said)) or (json.dumps(body) if body else "no reason given")
    return Complaint(
        status,
        line(whole),
        frozenset(text for kind, text in found if kind == "field"),
        frozenset(text for kind, text in found if kind == "mark"),
        headers or {},
    )


def within(reply: Mapping[str, Any]) -> Complaint | None:
    """Return the error that a reply with status 200 contains instead of an answer, if any.

    Its status is 200 unless the error names another one; an unknown path counts as a 404.
    """
    error = reply.get("error")
    if reply.get("choices") or not error:
        return None
    code = error.get("code") if isinstance(error, Mapping) else None
    status = int(code) if isinstance(code, int | str) and str(code).isdecimal() else 0
    found = complaint(status if 400 <= status < 600 else 200, error)
    return replace(found, status=404) if "unexpected endpoint" in found.said.lower() else found


def _walk(value: JSON, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the messages, the fields that they name, and the codes and types."""
    if isinstance(value, str):
        yield from _text(value, depth)
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for name, item in value.items():
            if name in _WORDS or isinstance(item, Mapping):
                yield from _walk(item, depth + 1)
            elif name in _MARKS and isinstance(item, str | int):
                yield "mark", str(item)
            elif name == "param" and isinstance(item, str):
                yield "field", item
            elif name == "loc" and isinstance(item, Sequence):
                yield from (("field", part) for part in item if isinstance(part, str))
            elif isinstance(item, list):
                yield from _walk([one for one in item if isinstance(one, Mapping)], depth + 1)
    elif depth < _DEEPEST and isinstance(value, list):
        for item in value:
            yield from _walk(item, depth + 1)


def _text(text: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield a text, or the messages in the JSON that it contains."""
    if depth < _DEEPEST and text.lstrip()[:1] in ("{", "["):
        try:
            yield from _walk(json.loads(text), depth + 1)
            return
        except (ValueError, RecursionError):
            pass
    if text.strip():
        yield "said", text.strip().rstrip(".")


def scrub(value: JSON, secrets: Sequence[str]) -> JSON:
    """Return a reply without the secrets; every reply passes through here."""
    hidden = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    return _scrub(value, hidden) if hidden else value


def _scrub(value: JSON, secrets: Sequence[str]) -> JSON:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return value
    if isinstance(value, list):
        return [_scrub(item, secrets) for item in value]
    if isinstance(value, dict):
        return {_scrub(name, secrets): _scrub(item, secrets) for name, item in value.items()}
    return value


def clean(text: str) -> str:
    """Return a text that UTF-8 can encode: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode()


def line(text: str) -> str:
    """Return a text on one line, shortened."""
    return " ".join(clean(text[: 4 * _LONGEST]).split())[:_LONGEST].rstrip(".")
