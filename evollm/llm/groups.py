"""Groups: the samples of one prompt in one request, for a server that gives sample i seed + i."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import TypeAlias

from evollm.llm.answers import Answer
from evollm.llm.requests import Ask

_GATHER_S = 0.003

Timed: TypeAlias = tuple[Answer, float]
Send: TypeAlias = Callable[[Sequence[Ask], bool], Awaitable[list[Timed]]]
_Waiting: TypeAlias = tuple[Ask, bool, "asyncio.Future[Timed]"]


class Groups:
    """Gathers asks that come at the same moment, and sends those that belong together as one.

    Args:
        send: Sends asks that differ in their sample only, and whose samples follow each other.
        most: How many of them may be one request.
    """

    def __init__(self, send: Send, most: int) -> None:
        self._send = send
        self._most = most
        self._waiting: list[_Waiting] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, ask: Ask, constrain: bool) -> Timed:
        """Return the answer to one ask, and the seconds that its request took."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Timed] = loop.create_future()
        self._waiting.append((ask, constrain, future))
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_later(_GATHER_S, self._flush)
        return await future

    def _flush(self) -> None:
        """Send what has gathered, a request for each run of samples."""
        waiting, self._waiting, self._timer = self._waiting, [], None
        waiting.sort(
            key=lambda one: (id(one[0].options), str(one[0].prompt), one[0].attempt, one[0].sample)
        )
        for _, run in groupby(enumerate(waiting), key=lambda pair: _run(*pair)):
            group = [one for _, one in run]
            for first in range(0, len(group), self._most):
                self._start(group[first : first + self._most])

    def _start(self, group: list[_Waiting]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(group))
        self._tasks.add(task)  # else only the loop would hold it, and weakly
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, group: list[_Waiting]) -> None:
        """Answer all of a group, unless everybody has gone."""
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
    """Return what is equal for neighbours whose samples follow each other."""
    ask = one[0]
    return id(ask.options), str(ask.prompt), ask.attempt, ask.sample - place
