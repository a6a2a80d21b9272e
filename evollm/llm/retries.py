"""The one place where a request is tried again."""

import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from evollm.llm.faults import Hiccup, Unanswered
from evollm.llm.limits import Limiter
from evollm.llm.settings import Settings

T = TypeVar("T")

LONGEST_WAIT_S = 60.0
_jitter = random.Random()


class Patience:
    """How long to try one request: so many attempts, and so many seconds of waiting in all.

    Being told to slow down costs no attempt, and makes all requests of the endpoint wait.
    """

    def __init__(self, settings: Settings, limiter: Limiter) -> None:
        self._settings = settings
        self._limiter = limiter
        self._sent = self._slowed = 0

    async def call(self, send: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Return what ``send(*arguments)`` returns, called again as long as it raises ``Hiccup``.

        Raises:
            Unanswered: If patience ends.
        """
        from tenacity import AsyncRetrying, retry_if_exception_type

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Hiccup), wait=self._wait, stop=self._stop, reraise=True
        )
        try:
            result: T = await retrying(send, *arguments)
        except Hiccup as hiccup:
            times = "1 attempt" if self._sent == 1 else f"{self._sent} attempts"
            raise Unanswered(f"{hiccup}, after {times}") from None
        return result

    def _wait(self, state: Any) -> float:
        hiccup: Hiccup = state.outcome.exception()
        self._sent = state.attempt_number
        if hiccup.wait_s is None:
            doubled = self._settings.first_wait_s * 2.0 ** (self._sent - 1)
            seconds = min(LONGEST_WAIT_S, doubled) * _jitter.uniform(0.5, 1.0)
        else:
            seconds = hiccup.wait_s + self._settings.first_wait_s * _jitter.uniform(0.0, 0.5)
        if hiccup.slow_down:
            self._slowed += 1
            self._limiter.close(seconds if hiccup.wait_s is None else hiccup.wait_s)
        return seconds

    def _stop(self, state: Any) -> bool:
        tried = self._sent - self._slowed
        waited = state.idle_for + state.upcoming_sleep
        return tried >= self._settings.retries or waited > self._settings.max_wait_s
