"""Causes: why nothing could be used of what was asked for, from the record, with fitting advice."""

import re
from collections import Counter
from dataclasses import dataclass

from evollm.errors import EvollmError
from evollm.store import queries, rows
from evollm.store.record import Record
from evollm.types import NothingUsable

_UNUSABLE = "unusable completion"  # says less than the recorded call does
_ADVICE = (
    ("thinking", "raise max_tokens, or take a model that does not think, or thinks less"),
    ("the model thought", "take a model that does not think, or thinks less"),
    ("far beyond max_tokens", "take an endpoint that heeds max_tokens"),
    ("max_tokens", "raise max_tokens"),
    ("take this prompt", "take a model with a longer context, or show it less"),
    ("content filter", "take another model, or put the task in other words"),
    ("model refused", "take another model, or put the task in other words"),
    ("timeout_s", "raise timeout_s, or send less at a time"),
    ("attempt", "see whether the server is well, or continue the run later"),
    ("the server said", "check the base URL and the model's name"),
    ("the reply", "check that the base URL is that of an OpenAI-compatible API: most end in /v1"),
    ("", "take another model, or chat mode with one that only chats"),
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why answers or children could not be used.

    Attributes:
        reason: The commonest reason, as it was recorded.
        count: How many had it.
        total: How many were unusable.
        asked: Whether a model was asked at all.
    """

    reason: str
    count: int
    total: int
    asked: bool

    @property
    def advice(self) -> str:
        """What to do about it."""
        if not self.asked:
            return "correct the operator, or give it parents that it can vary"
        return next(advice for mark, advice in _ADVICE if mark in self.reason.lower())


def cause(record: Record) -> Cause | None:
    """Return why most of what was asked for could not be used; None if the record tells nothing."""
    found: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for reason, count in _reasons(record):
        kind = re.sub(r"\d+", "#", reason).partition(":")[0]
        found[kind] += count
        examples.setdefault(kind, reason)
    if not found:
        return None
    [(kind, count)] = found.most_common(1)
    asked = queries.usage(record).calls > 0
    return Cause(examples[kind], count, found.total(), asked)


def explained(error: EvollmError, record: Record) -> EvollmError:
    """Return an error as it is, or, if nothing was usable, with the cause and the advice."""
    if not isinstance(error, NothingUsable) or (why := cause(record)) is None:
        return error
    share = f"{why.count} of {why.total}" if why.count < why.total else f"all {why.total}"
    return NothingUsable(f"{error}: the cause of {share} failures is {why.reason!r}; {why.advice}")


def _reasons(record: Record) -> list[tuple[str, int]]:
    """Return reasons with how often each occurred: of calls, and of what was read and rejected."""
    calls = list(rows.failed_calls(record).items())
    rejected = rows.rejections(record)
    read = [
        (reason, count)
        for reason, count in rejected.items()
        if not reason.startswith(rows.STAND_IN) and not (calls and reason == _UNUSABLE)
    ]
    return [*calls, *read]
