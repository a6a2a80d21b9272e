"""Causes: why no child or answer was usable, read from the record, with advice."""

import re
from collections import Counter
from dataclasses import dataclass

from evollm.errors import EvollmError
from evollm.store import queries, rows
from evollm.store.record import Record
from evollm.types import NothingUsable

_UNUSABLE = "unusable completion"  # less informative than the recorded call
_ADVICE = (
    ("thinking", "raise max_tokens, or choose a model that reasons less or not at all"),
    ("the model thought", "choose a model that reasons less or not at all"),
    ("far beyond max_tokens", "choose an endpoint that respects max_tokens"),
    ("max_tokens", "raise max_tokens"),
    ("take this prompt", "choose a model with a longer context, or shorten the prompt"),
    ("content filter", "take another model, or put the task in other words"),
    ("model refused", "take another model, or put the task in other words"),
    ("timeout_s", "raise timeout_s, or send smaller requests"),
    ("attempt", "check the server, or continue the run later"),
    ("the server said", "check the base URL and the model's name"),
    ("the reply", "check that the base URL is that of an OpenAI-compatible API (most end in /v1)"),
    ("", "choose another model, or use chat mode if the model supports only that"),
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why answers or children could not be used.

    Attributes:
        reason: The most frequent reason, as recorded.
        count: How many failures had this reason.
        total: How many failures there were.
        asked: Whether any model was asked.
    """

    reason: str
    count: int
    total: int
    asked: bool

    @property
    def advice(self) -> str:
        """How to fix it."""
        if not self.asked:
            return "fix the operator, or give it parents that it can vary"
        return next(advice for mark, advice in _ADVICE if mark in self.reason.lower())


def cause(record: Record) -> Cause | None:
    """Return the main cause of the failures; None if the record has no failures."""
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
    """Return an error, extended by the cause and advice if nothing was usable."""
    if not isinstance(error, NothingUsable) or (why := cause(record)) is None:
        return error
    share = f"{why.count} of {why.total}" if why.count < why.total else f"all {why.total}"
    return NothingUsable(f"{error}: the cause of {share} failures is {why.reason!r}; {why.advice}")


def _reasons(record: Record) -> list[tuple[str, int]]:
    """Return the reasons for failed calls and rejected answers with their counts."""
    calls = list(rows.failed_calls(record).items())
    rejected = rows.rejections(record)
    read = [
        (reason, count)
        for reason, count in rejected.items()
        if not reason.startswith(rows.STAND_IN) and not (calls and reason == _UNUSABLE)
    ]
    return [*calls, *read]
