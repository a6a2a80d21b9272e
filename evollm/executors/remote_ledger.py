"""Remote ledgers: a worker's model calls, accounted for by the process that drives the worker."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from evollm.errors import EvollmError
from evollm.ledger import Call, Ledger

_LOST = "the worker ended before the answer came"


@dataclass(frozen=True, slots=True)
class Question:
    """What a worker asks of the ledger of its job.

    Attributes:
        method: Of ``evollm.ledger.Ledger``.
        arguments: Of that method.
    """

    method: Literal["recall", "reserve", "record"]
    arguments: tuple[Any, ...]


Reply: TypeAlias = tuple[Any, EvollmError | None]
"""What the method returned, and what it raised."""


class RemoteLedger:
    """The ledger on the worker's side: it asks its driver, one question at a time.

    Args:
        ask: Sends a question to the driver, and returns its reply.
    """

    def __init__(self, ask: Callable[[Question], Reply]) -> None:
        self._ask = ask
        self._turn = threading.Lock()

    def recall(self, key: str) -> Call | None:
        """Return what the run has recorded for the job and key."""
        found: Call | None = self._asked(Question("recall", (key,)))
        return found

    def reserve(self, tokens: int, money: float | None) -> bool:
        """Reserve one call."""
        return bool(self._asked(Question("reserve", (tokens, money))))

    def record(self, call: Call, tokens: int, money: float | None) -> None:
        """Record the call; return once it is recorded."""
        self._asked(Question("record", (call, tokens, money)))

    def _asked(self, question: Question) -> Any:
        with self._turn:
            found, error = self._ask(question)
        if error is not None:
            raise error
        return found


class Desk:
    """The driver's side: answers a worker's questions from the ledger of its job.

    Args:
        ledger: Of the job; None if nobody counts.
    """

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger
        self._held: list[tuple[int, float | None]] = []

    def answer(self, question: Question) -> Reply:
        """Do what a worker asks for."""
        if self._ledger is None:
            return question.method == "reserve" or None, None
        try:
            found = getattr(self._ledger, question.method)(*question.arguments)
        except EvollmError as error:
            return None, error
        if question.method == "reserve" and found:
            self._held.append(question.arguments)
        elif question.method == "record":
            self._held.remove(question.arguments[1:])
        return found, None

    def lost(self) -> None:
        """Count a dead worker's calls in flight at what was reserved for them.

        They may have been answered and paid, which nobody can know.
        """
        for tokens, money in self._held:
            call = Call("", "", {}, None, _LOST, tokens, 0, 0.0, money, False)
            assert self._ledger is not None
            self._ledger.record(call, tokens, money)
        self._held.clear()
