"""Rate limits: requests and tokens per minute, in order of arrival, and common pauses."""

import asyncio
import math
import time

QUIET_S = 60.0
"""Seconds without a 429 after which the next 429 counts as the first."""


class Bucket:
    """Fills at a steady rate up to one second's worth, and may be overdrawn.

    So no minute exceeds the rate by more than one second's worth. A draw larger than the bucket
    succeeds, but makes the next one wait longer.

    Args:
        per_minute: The rate.
    """

    def __init__(self, per_minute: float) -> None:
        self.per_second = per_minute / 60
        self.capacity = max(1.0, self.per_second)
        self._level = self.capacity
        self._at = time.monotonic()

    def draw(self, amount: float) -> float:
        """Draw an amount, and return the seconds to wait before it may be used."""
        now = time.monotonic()
        self._level = min(self.capacity, self._level + (now - self._at) * self.per_second)
        self._at = now
        wait = max(0.0, min(amount, self.capacity) - self._level) / self.per_second
        self._level -= amount
        return wait

    def give_back(self, amount: float) -> None:
        """Return an unused amount; a negative one means that more was used than drawn."""
        self._level += amount


class Limiter:
    """Admits requests one at a time, in order of arrival.

    Args:
        requests_per_minute: None for no limit.
        tokens_per_minute: None for no limit.
    """

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._requests = Bucket(requests_per_minute) if requests_per_minute else None
        self._tokens = Bucket(tokens_per_minute) if tokens_per_minute else None
        self._turn = asyncio.Lock()
        self._closed_until = 0.0
        self._slowed_at: float | None = None
        self._answered_at = -math.inf

    async def admit(self, tokens: int) -> None:
        """Wait until one more request with this many tokens may be sent."""
        async with self._turn:
            if self._requests:
                await asyncio.sleep(self._requests.draw(1))
            if self._tokens:
                await asyncio.sleep(self._tokens.draw(tokens))
            while (rest := self._closed_until - time.monotonic()) > 0:
                await asyncio.sleep(rest)

    def settle(self, reserved: int, used: int) -> None:
        """Replace the reserved tokens of a request by the used ones."""
        if self._tokens:
            self._tokens.give_back(reserved - used)

    @property
    def slowed_s(self) -> float:
        """Seconds since the endpoint asked to slow down, if it has not answered since."""
        return 0.0 if self._slowed_at is None else time.monotonic() - self._slowed_at

    def close(self, seconds: float) -> None:
        """Admit no request for this many seconds, because the endpoint has asked to slow down."""
        now = time.monotonic()
        if self._slowed_at is None or now > self._closed_until + QUIET_S:
            self._slowed_at = now
        self._closed_until = max(self._closed_until, now + seconds)

    def ease(self) -> None:
        """Note that the endpoint has answered a request."""
        self._slowed_at = None
        self._answered_at = time.monotonic()

    def answered_since(self, moment: float) -> bool:
        """Return whether the endpoint has answered since a moment of the monotonic clock."""
        return self._answered_at >= moment
