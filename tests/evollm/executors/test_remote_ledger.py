"""Models asked inside evaluations: paid from the run's budget, wherever the evaluation runs."""

import importlib
import os
import threading
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, Outcome, Processes, Serial, Threads, run
from evollm.errors import EvollmError
from evollm.executors import Ray
from evollm.executors.base import Executor
from evollm.executors.remote_ledger import Desk, Question, RemoteLedger
from evollm.llm.base import LanguageModel, Sampling
from evollm.llm.scripted import Scripted
from evollm.store import rows
from evollm.testing import once
from tests.evollm.llm.support_books import Book
from tests.evollm.llm.support_faulty import Act, Seen, Server, endpoint, say

GENOMES = list(range(12))
RAY = pytest.param("ray", marks=pytest.mark.ray)


@dataclass(frozen=True)
class Judged:
    """A genome is worth what a model says of it."""

    model: LanguageModel
    asks_model = True
    elementwise = True

    def prepare(self) -> None:
        """Load the client, which takes longer than a time limit allows on a busy machine."""
        importlib.import_module("openai")

    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> Iterator[Outcome]:
        for genome in genomes:
            [[said]] = self.model.complete([str(genome)], Sampling(max_tokens=8))
            if genome == "dies":
                os._exit(7)
            yield Outcome(float(said.text))


def judge(seen: Seen) -> Act:
    return say(str(len(seen.prompt)) if seen.prompt.isalpha() else seen.prompt, seen)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    with Server(judge) as server:
        yield server


@pytest.fixture(scope="module")
def replicas(ray_session: None) -> Iterator[Ray]:
    """Two replicas that serve one run after the other, and leave room for a third."""
    with Ray(2, cpus=0.5) as executor:
        yield executor


def executor_for(where: str, request: pytest.FixtureRequest) -> Executor:
    if where == "ray":
        replicas: Ray = request.getfixturevalue("replicas")
        return replicas
    return {"serial": Serial(), "threads": Threads(2), "processes": Processes(2)}[where]


@pytest.mark.parametrize("where", ["serial", "threads", "processes", RAY])
def test_a_budget_of_calls_is_met_exactly_and_nothing_is_paid_twice(
    where: str, server: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    executor = executor_for(where, request)
    problem = Judged(endpoint(server))
    for calls in (3, 12):
        found = run(
            once(GENOMES), problem, budget=Budget(calls=calls), executor=executor, path=tmp_path
        )
        assert (found.usage.calls, found.usage.failed_calls, found.usage.failed) == (calls, 0, 0)
        assert len(server.seen) == calls
        assert found.usage.tokens == 7 * calls
    assert [one.fitness for one in found.population] == [float(one) for one in GENOMES]
    assert {one.key for one in server.seen[:3]} == {
        "Bearer sk-secret" if where in ("serial", "threads") else "Bearer sk-from-the-environment"
    }


@pytest.mark.parametrize("where", ["serial", "threads", "processes", RAY])
def test_a_plain_function_that_asks_a_model_is_counted(
    where: str, request: pytest.FixtureRequest
) -> None:
    model = Scripted(lambda prompt, sample, options: str(prompt))

    def fitness(genome: int) -> float:
        [[said]] = model.complete([str(genome)], Sampling())
        return float(said.text)

    executor = executor_for(where, request)
    found = run(once(GENOMES), fitness, budget=Budget(calls=3), executor=executor)
    assert (found.usage.calls, found.usage.failed) == (3, 0)
    assert found.stopped == "the budget of 3 calls is spent"


@pytest.mark.parametrize("where", ["processes", RAY])
def test_a_dead_worker_takes_no_recorded_call_with_it(
    where: str, server: Server, request: pytest.FixtureRequest
) -> None:
    executor = executor_for(where, request)
    found = run(once(["a", "dies", "bb"]), Judged(endpoint(server)), executor=executor)
    assert [one.fitness for one in found.population] == [1.0, -inf, 2.0]
    assert found.usage.calls == len(server.seen) == 3  # the second try was answered from the record


@pytest.mark.parametrize("where", ["processes", RAY])
def test_a_call_in_flight_that_is_lost_counts_at_what_was_set_aside(
    where: str, server: Server, request: pytest.FixtureRequest
) -> None:
    server.script = lambda seen: Act({}, delay_s=60.0) if seen.prompt == "slow" else judge(seen)
    if where == "ray":
        request.getfixturevalue("ray_session")
    executor = (Ray if where == "ray" else Processes)(1, seconds=4.0)
    problem, genomes = Judged(endpoint(server)), ["a", "slow", "b"]
    found = run(once(genomes), problem, executor=executor, budget=Budget(calls=2))
    assert rows.fitnesses(found.record) == [1.0, -inf]
    assert (found.usage.evaluations, found.usage.failed) == (2, 1)
    assert (found.usage.calls, found.usage.failed_calls) == (2, 1)
    assert found.usage.prompt_tokens > 5 + 8
    assert found.stopped == "the budget of 2 calls is spent"


def test_threads_of_an_evaluation_ask_one_at_a_time() -> None:
    book = Book(calls=2)
    desk = Desk(book)
    asking = threading.Lock()

    def ask(question: Question) -> Any:
        assert asking.acquire(blocking=False)
        try:
            return desk.answer(question)
        finally:
            asking.release()

    account = RemoteLedger(ask)
    context = copy_context()
    threads = [
        threading.Thread(target=context.copy().run, args=(account.reserve, 5, 0.5))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(EvollmError, match="no calls left"):
        account.reserve(5, 0.5)
    desk.lost()
    assert [call.prompt_tokens for call in book.calls] == [5, 5]
    assert book.held == [0, 0, 0.0]
