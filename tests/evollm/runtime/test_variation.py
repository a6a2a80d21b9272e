"""Waiting operators: as many at once as their models answer at once, or as there are lanes."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from evollm import Budget, Search, run
from evollm.llm.client.endpoint import Endpoint
from evollm.search.flow import Flow, evaluate, vary
from evollm.types import Offspring, Parent
from tests.evollm.llm.support_faulty import Act, Server, echo, endpoint
from tests.support_each import each


@dataclass
class Asking:
    """Asks a model, if there is one, and notes how many do so at once."""

    model: Endpoint | None
    pause: float = 0.0
    begun: int = 0
    most: int = 0
    _active: int = 0
    _lock: Any = field(default_factory=threading.Lock)
    io_bound = True

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[str]:
        with self._lock:
            self.begun += 1
            self._active += 1
            self.most = max(self.most, self._active)
        time.sleep(self.pause)
        text = self.model.complete([f"{seed}"])[0][0].text if self.model else "x"
        with self._lock:
            self._active -= 1
        return Offspring([text])


def lanes(operator: Asking, count: int, steps: int) -> Search:
    def lane(number: int) -> Flow:
        for step in range(steps):
            child = yield from vary(operator, [], 1, seed=number * steps + step, step=step)
            yield from evaluate(child, step=step)

    return Search(*[lane(number) for number in range(count)])


def late(seen: Any) -> Act:
    return Act(echo(seen).body, delay_s=0.5)


@each(("concurrency", "least", "most"), [(40, 20, 40), (12, 9, 12), (1, 1, 8)])
def test_as_many_wait_as_the_endpoint_answers(concurrency: int, least: int, most: int) -> None:
    with Server(late if concurrency > 1 else echo) as server:
        operator = Asking(endpoint(server, concurrency=concurrency))
        found = run(lanes(operator, 48, 1), len)
    assert found.usage.calls == found.usage.evaluations == 48
    assert least <= operator.most <= most
    assert server.most_at_once <= concurrency


def test_as_many_wait_as_there_are_lanes_if_the_model_does_not_say() -> None:
    operator = Asking(None, pause=0.5)
    run(lanes(operator, 24, 2), len)
    assert 16 < operator.most <= 24


def test_a_budget_of_calls_is_met_exactly_by_many_lanes() -> None:
    with Server() as server:
        operator = Asking(endpoint(server, concurrency=40))
        found = run(lanes(operator, 40, 10), len, budget=Budget(calls=50))
    assert found.usage.calls == len(server.seen) == 50
    assert found.stopped == "the budget of 50 calls is spent"


def test_a_stop_does_not_wait_for_operators_that_have_not_begun() -> None:
    operator = Asking(None, pause=0.3)
    found = run(
        lanes(operator, 12, 50), len, callbacks=[lambda under_way, individual: under_way.stop()]
    )
    assert found.stopped == "a callback stopped the run"
    assert operator.begun <= 24
