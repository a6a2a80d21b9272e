"""Many asks at once: admitted in order, answered in any order, recorded as they come."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TypeAlias

from evollm.ledger import Exhausted
from evollm.llm.accounts import POLL_S, Account, Reply
from evollm.llm.answers import Answer
from evollm.llm.cache import Cache
from evollm.llm.faults import Unanswered
from evollm.llm.requests import Ask
from evollm.llm.schemas import fault_of

Landed: TypeAlias = "Future[tuple[Answer, float]]"
Send: TypeAlias = Callable[[Ask], Landed]


class Fanout:
    """One call's asks and replies; all but the sending happens on the calling thread.

    Args:
        account: Where calls are reserved and recorded.
        cache: Where answers are kept, or None.
        ready: Called before the first ask that must be sent; returns what sends.
        count: Called with each reply that is not recalled.

    Attributes:
        replies: By the asks' keys.
        sent: How many asks went to the endpoint.
        unanswered: Why some of them have no answer.
    """

    def __init__(
        self,
        account: Account,
        cache: Cache | None,
        ready: Callable[[], Send],
        count: Callable[[Reply], None],
    ) -> None:
        self.replies: dict[str, Reply] = {}
        self.sent = 0
        self.unanswered: list[str] = []
        self._account, self._cache, self._ready, self._count = account, cache, ready, count
        self._flying: dict[str, Landed] = {}
        self._landed: SimpleQueue[tuple[Ask, Landed]] = SimpleQueue()
        self._fault: BaseException | None = None

    def run(self, asks: Sequence[Ask]) -> None:
        """Get a reply to every ask; asks with the same key share one.

        Raises:
            ModelError: If the endpoint refuses one; the others are stopped.
            Exhausted: If there is no room for one; those before it are answered first.
        """
        try:
            exhausted = self._admit_all(asks)
            while self._flying:
                self._land()
        finally:
            self._stop()
        if self._fault or exhausted:
            raise self._fault or exhausted  # type: ignore[misc]

    def _admit_all(self, asks: Sequence[Ask]) -> Exhausted | None:
        stored = self._cache.find([ask.key for ask in asks]) if self._cache else {}
        try:
            for ask in asks:
                if not self._landed.empty():
                    self._wait()
                self._admit(ask, stored.get(ask.key))
        except Exhausted as exhausted:
            return exhausted
        return None

    def _admit(self, ask: Ask, stored: Answer | None) -> None:
        if ask.key in self.replies or ask.key in self._flying:
            return
        if recalled := self._account.recall(ask):
            self.replies[ask.key] = recalled
            return
        send = self._ready() if stored is None else None
        self._account.reserve(ask, self._wait)
        if stored is not None:
            self._settle(ask, Reply(stored, cost=0.0, cached=True))
        elif send is not None:
            self.sent += 1
            future = self._flying[ask.key] = send(ask)
            future.add_done_callback(lambda landed: self._landed.put((ask, landed)))

    def _wait(self) -> None:
        self._land(POLL_S)
        if self._fault:
            raise self._fault

    def _land(self, timeout: float | None = None) -> None:
        """Settle whatever has landed, in one batch; wait for the first of it."""
        try:
            landed = [self._landed.get(timeout=timeout)]
        except Empty:
            return
        while not self._landed.empty():
            landed.append(self._landed.get())
        fresh = {}
        for ask, _ in landed:
            del self._flying[ask.key]
        for ask, future in landed:
            reply = self._reply(ask, future)
            self._settle(ask, reply)
            if reply.answer.definite:
                fresh[ask.key] = reply.answer
        if fresh and self._cache:
            # A cache that fails must not keep the rest from being recorded.
            cache, self._cache = self._cache, None
            cache.add(fresh)
            self._cache = cache

    def _reply(self, ask: Ask, future: Landed) -> Reply:
        try:
            answer, seconds = future.result()
            answer = _checked(answer, ask)
        except Unanswered as fault:
            self.unanswered.append(str(fault))
            answer, seconds = Answer(error=str(fault), definite=False), 0.0
        except CancelledError:
            answer, seconds = Answer(error="stopped before it was answered", definite=False), 0.0
        except Exception as fault:
            self._refuse(fault)
            answer, seconds = Answer(error=str(fault), definite=False), 0.0
        return Reply(answer, seconds, self._account.cost(answer))

    def _settle(self, ask: Ask, reply: Reply) -> None:
        self.replies[ask.key] = reply
        self._account.record(ask, reply)
        self._count(reply)

    def _refuse(self, fault: BaseException) -> None:
        self._fault = self._fault or fault
        for future in self._flying.values():
            future.cancel()

    def _stop(self) -> None:
        for future in self._flying.values():
            future.cancel()
        while self._flying:
            self._land()


def _checked(answer: Answer, ask: Ask) -> Answer:
    """Return the answer with an error if it breaks the schema."""
    if answer.error is not None or ask.options.schema is None:
        return answer
    error = fault_of(answer.text, ask.options.schema)
    return replace(answer, error=error, broken=error is not None)
