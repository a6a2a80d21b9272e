"""Rate limits: what the server sees, and what the arithmetic promises."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evollm.llm.base import Sampling
from evollm.llm.transport.limits import Bucket, Limiter
from tests.evollm.llm.support_faulty import Server, endpoint


def test_the_server_sees_no_more_requests_than_allowed() -> None:
    """240 a minute: a burst of 4, then one each quarter of a second."""
    with Server() as server:
        endpoint(server, requests_per_minute=240).complete([f"{i}" for i in range(8)])
    times = sorted(seen.at for seen in server.seen)
    assert times[7] - times[0] > 0.9
    for first, later in zip(times, times[5:], strict=False):
        assert later - first > 0.2


@pytest.mark.timeout(40)
def test_tokens_are_limited_by_what_was_really_used() -> None:
    """600 a minute are 10 a second: a call reserves 283 and takes 7, which is what counts."""
    with Server() as server:
        model = endpoint(server, tokens_per_minute=600, concurrency=1)
        model.complete(["a", "b", "c", "d"], Sampling(max_tokens=10))
    times = [seen.at for seen in server.seen]
    assert times[-1] - times[0] > 1.0


def test_what_is_given_back_can_be_drawn_again() -> None:
    bucket = Bucket(60)
    bucket.draw(100)
    bucket.give_back(99)
    assert bucket.draw(1) <= 1
    assert bucket.draw(1) > 0


@given(
    st.floats(1, 6000),
    st.lists(st.floats(0.1, 300), min_size=1, max_size=30),
)
@settings(max_examples=50)
def test_waits_keep_the_rate(per_minute: float, amounts: list[float]) -> None:
    """All drawn at one moment, the last is used when the rate has paid for those before it."""
    bucket = Bucket(per_minute)
    waits = [bucket.draw(amount) for amount in amounts]
    owed = sum(amounts[:-1]) + min(amounts[-1], bucket.capacity) - bucket.capacity
    assert waits == sorted(waits) or amounts != sorted(amounts)
    assert waits[-1] >= owed / bucket.per_second - 0.5
    assert all(wait >= 0 for wait in waits)


def test_admission_is_in_order() -> None:
    async def work() -> list[int]:
        limiter = Limiter(6000, None)
        admitted: list[int] = []

        async def enter(place: int) -> None:
            await limiter.admit(1)
            admitted.append(place)

        await asyncio.gather(*(enter(place) for place in range(110)))
        return admitted

    assert asyncio.run(work()) == list(range(110))
