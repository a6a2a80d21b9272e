"""Remote ledgers: account for a worker's model calls in the process that drives the worker."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from evollm.errors import EvollmError
from evollm.ledger import Call, Ledger

_LOST = "the worker ended before the answer arrived"


@dataclass(frozen=True, slots=True)
class Question:
    """A worker's request to the ledger of its job.

    Attributes:
        method: Name of a method of ``evollm.ledger.Ledger``.
        arguments: Its arguments.
    """

    method: Literal["recall", "reserve", "record"]
    arguments: tuple[Any, ...]


Reply: TypeAlias = tuple[Any, EvollmError | None]
"""The method's result, and the exception it raised if any."""


class RemoteLedger:
    """The ledger in the worker: sends each call to the driver, one at a time.

    Args:
        ask: Sends a question to the driver, and returns the reply.
    """

    def __init__(self, ask: Callable[[Question], Reply]) -> None:
        self._ask = ask
        self._turn = threading.Lock()

    def recall(self, key: str) -> Call | None:
        """Return the call that the run has recorded for the job and key, if any."""
        found: Call | None = self._call(Question("recall", (key,)))
        return found

    def reserve(self, tokens: int, money: float | None) -> bool:
        """Reserve one call."""
        return bool(self._call(Question("reserve", (tokens, money))))

    def record(self, call: Call, tokens: int, money: float | None) -> None:
        """Record the call; return once it is recorded."""
        self._call(Question("record", (call, tokens, money)))

    def _call(self, question: Question) -> Any:
        with self._turn:
            found, error = self._ask(question)
        if error is not None:
            raise error
        return found


class Desk:
    """The driver's counterpart: answers a worker's questions from the ledger of its job.

    Args:
        ledger: The job's ledger; None if calls are not counted.
    """

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger
        self._held: list[tuple[int, float | None]] = []

    def answer(self, question: Question) -> Reply:
        """Call the method that a worker asks for, and return the reply."""
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
        """Count a dead worker's calls in flight as if they had used their whole reservations.

        It is unknown whether they were answered and charged.
        """
        for tokens, money in self._held:
            call = Call("", "", {}, None, _LOST, tokens, 0, 0.0, money, False)
            assert self._ledger is not None
            self._ledger.record(call, tokens, money)
        self._held.clear()
