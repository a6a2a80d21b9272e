"""Many requests at once: sent in order, recorded as answers arrive."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import TypeAlias

from evollm.ledger import Exhausted
from evollm.llm.client.answers import Answer
from evollm.llm.client.billing import POLL_S, Billing, Reply
from evollm.llm.client.cache import Cache
from evollm.llm.client.requests import Ask
from evollm.llm.client.schemas import fault_of
from evollm.llm.transport.retries import Unanswered

Pending: TypeAlias = "Future[tuple[Answer, float]]"
Send: TypeAlias = Callable[[Ask], Pending]


class FanOut:
    """The requests and replies of one call; everything except the sending runs in its thread.

    Args:
        account: Where calls are reserved and recorded.
        cache: Where answers are stored, or None.
        ready: Called before the first request that must be sent; returns the sending function.
        count: Called with each reply that is not recalled.

    Attributes:
        replies: By the keys of the requests.
        sent: Number of requests sent to the endpoint.
        unanswered: Why some of them have no answer, if so.
    """

    def __init__(
        self,
        account: Billing,
        cache: Cache | None,
        ready: Callable[[], Send],
        count: Callable[[Reply], None],
    ) -> None:
        self.replies: dict[str, Reply] = {}
        self.sent = 0
        self.unanswered: list[Unanswered] = []
        self._account, self._cache, self._ready, self._count = account, cache, ready, count
        self._in_flight: dict[str, Pending] = {}
        self._finished: SimpleQueue[tuple[Ask, Pending]] = SimpleQueue()
        self._fault: BaseException | None = None

    def run(self, asks: Sequence[Ask]) -> None:
        """Get a reply to every request; those with the same key share one.

        Raises:
            ModelError: If the endpoint refuses one; the others are cancelled.
            Exhausted: If the budget has no room for one; earlier requests are answered first.
        """
        self._fault = None
        try:
            exhausted = self._admit_all(asks)
            while self._in_flight:
                self._settle_finished()
        finally:
            self._stop()
        if self._fault or exhausted:
            raise self._fault or exhausted

    def _admit_all(self, asks: Sequence[Ask]) -> Exhausted | None:
        stored = self._cache.find([ask.key for ask in asks]) if self._cache else {}
        try:
            for ask in asks:
                if not self._finished.empty():
                    self._wait()
                self._admit(ask, stored.get(ask.key))
        except Exhausted as exhausted:
            return exhausted
        return None

    def _admit(self, ask: Ask, stored: Answer | None) -> None:
        if ask.key in self.replies or ask.key in self._in_flight:
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
            future = self._in_flight[ask.key] = send(ask)
            future.add_done_callback(lambda finished: self._finished.put((ask, finished)))

    def _wait(self) -> None:
        self._settle_finished(POLL_S)
        if self._fault:
            raise self._fault

    def _settle_finished(self, timeout: float | None = None) -> None:
        """Settle all finished requests in one batch; wait for the first."""
        try:
            finished = [self._finished.get(timeout=timeout)]
        except Empty:
            return
        while not self._finished.empty():
            finished.append(self._finished.get())
        fresh = {}
        for ask, _ in finished:
            del self._in_flight[ask.key]
        for ask, future in finished:
            reply = self._reply(ask, future)
            self._settle(ask, reply)
            if reply.answer.definite:
                fresh[ask.key] = reply.answer
        if fresh and self._cache:
            # A failing cache must not prevent the rest from being recorded.
            cache, self._cache = self._cache, None
            cache.add(fresh)
            self._cache = cache

    def _reply(self, ask: Ask, future: Pending) -> Reply:
        try:
            answer, seconds = future.result()
            answer = _checked(answer, ask)
        except Unanswered as fault:
            self.unanswered.append(fault)
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
        for future in self._in_flight.values():
            future.cancel()

    def _stop(self) -> None:
        for future in self._in_flight.values():
            future.cancel()
        while self._in_flight:
            self._settle_finished()


def _checked(answer: Answer, ask: Ask) -> Answer:
    """Return the answer with an error if it breaks the schema."""
    if answer.error is not None or ask.sampling.schema is None:
        return answer
    error = fault_of(answer.text, ask.sampling.schema)
    return replace(answer, error=error, broken=error is not None)


_GATHER_S = 0.003

Timed: TypeAlias = tuple[Answer, float]
SendTogether: TypeAlias = Callable[[Sequence[Ask], bool], Awaitable[list[Timed]]]
_Waiting: TypeAlias = tuple[Ask, bool, "asyncio.Future[Timed]"]


class SampleBatcher:
    """Collects requests made at the same moment, and sends samples of one prompt together.

    Args:
        send: Sends requests that differ only in their sample, with consecutive samples.
        most: Maximum number of samples per request.
    """

    def __init__(self, send: SendTogether, most: int) -> None:
        self._send = send
        self._most = most
        self._waiting: list[_Waiting] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, ask: Ask, constrain: bool) -> Timed:
        """Return the answer, and the seconds that its request took."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Timed] = loop.create_future()
        self._waiting.append((ask, constrain, future))
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_later(_GATHER_S, self._flush)
        return await future

    def _flush(self) -> None:
        """Send the collected requests, those with consecutive samples as one."""
        waiting, self._waiting, self._timer = self._waiting, [], None
        waiting.sort(
            key=lambda one: (id(one[0].sampling), str(one[0].prompt), one[0].attempt, one[0].sample)
        )
        for _, run in groupby(enumerate(waiting), key=lambda pair: _run(*pair)):
            group = [one for _, one in run]
            for first in range(0, len(group), self._most):
                self._start(group[first : first + self._most])

    def _start(self, group: list[_Waiting]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(group))
        self._tasks.add(task)  # the loop has only a weak reference
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, group: list[_Waiting]) -> None:
        """Answer all of a group, unless all of it was cancelled."""
        alive = [future for _, _, future in group if not future.done()]
        if not alive:
            return
        try:
            answers = await self._send([ask for ask, _, _ in group], group[0][1])
        except Exception as error:
            for future in alive:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, _, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _run(place: int, one: _Waiting) -> tuple[int, str, int, int]:
    """Return a key that is equal for neighbours with consecutive samples."""
    ask = one[0]
    return id(ask.sampling), str(ask.prompt), ask.attempt, ask.sample - place
