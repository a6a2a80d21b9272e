"""Budgets are met exactly, and what is reserved is never exceeded."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import (
    Budget,
    EvollmError,
    Offspring,
    Outcome,
    Processes,
    Search,
    Threads,
    operator,
    run,
)
from evollm.algorithms.asynchronous import steady_state
from evollm.algorithms.generations import generational
from evollm.algorithms.mating import Adaptive, Mating
from evollm.executors.base import Executor
from evollm.ledger import Call, ledger
from evollm.report.sections import overview
from evollm.runtime.ask_tell import AskTell
from evollm.search.flow import Flow
from evollm.store import queries
from evollm.testing import once
from operators.compose import Chain, Fallback
from tests.evollm.support_parts import Blend, Sphere, Start, digest, plain
from tests.support_each import each


@dataclass(frozen=True)
class Paid:
    """Makes children as ``Blend`` does, and pays for each as a model's answer of 10 tokens."""

    cost: float | None = 0.25

    def vary(self, parents: Sequence[Any], n: int, seed: int) -> Offspring[Any]:
        account = ledger.get()
        assert account
        for i in range(n):
            key = f"{seed}.{i}"
            if account.recall(key) is None:
                while not account.reserve(10, self.cost):
                    time.sleep(0.001)
                answer = {"text": "a child"}
                call = Call(
                    key, "model", {"prompt": key}, answer, None, 6, 4, 0.0, self.cost, False
                )
                account.record(call, 10, self.cost)
        return Blend().vary(parents, n, seed)


@dataclass(frozen=True)
class Patient(Paid):
    """The same, but it waits for a network."""

    io_bound = True


def paid(operator: Paid | None = None, size: int = 5, brood: int = 1) -> Flow:
    return generational(Start(), Mating(operator or Paid(), brood=brood), size=size, seed=1)


@each("n", [0, 1, 7, 8, 9, 21])
def test_evaluations_are_met_exactly(n: int) -> None:
    found = run(plain(1), Sphere(), budget=Budget(evaluations=n))
    assert found.usage.evaluations == n
    assert found.stopped == f"the budget of {n} evaluations is spent"
    assert found.reasons == {"evaluations": n}
    assert (found.best is None) == (n == 0)


def test_nothing_evaluated_is_said() -> None:
    found = run(plain(1), Sphere(), budget=Budget(evaluations=0))
    with pytest.raises(EvollmError, match="nothing was evaluated"):
        _ = found.fitness


@each("n", [0, 1, 4])
def test_generations_are_met_exactly(n: int) -> None:
    found = run(plain(1, size=6), Sphere(), budget=Budget(generations=n))
    assert found.usage.generations == n
    assert found.usage.evaluations == 6 * (n + 1)
    assert found.stopped == f"the budget of {n} generations is spent"


def test_the_target_ends_the_step_that_reaches_it() -> None:
    found = run(plain(1), Sphere(), budget=Budget(target=-0.05, generations=500))
    assert found.fitness >= -0.05
    assert found.stopped == "the target is reached"
    before = run(plain(1), Sphere(), budget=Budget(generations=found.usage.generations - 1))
    assert before.fitness < -0.05


def test_stagnation_counts_steps_without_a_better_fitness() -> None:
    found = run(plain(1), lambda genome: 1.0, budget=Budget(stagnation=3))
    assert found.usage.generations == 3
    assert found.stopped == "no better fitness for 3 generations"


def test_seconds_are_summed_over_resumes(tmp_path: Path) -> None:
    first = run(plain(1), Sphere(pause=0.01), budget=Budget(seconds=0.1), path=tmp_path)
    assert first.stopped == "the budget of 0.1 seconds is spent"
    spent = first.usage.seconds
    again = run(plain(1), Sphere(), budget=Budget(seconds=0.1), path=tmp_path)
    assert again.usage.evaluations == first.usage.evaluations
    assert again.usage.seconds >= spent


@dataclass(frozen=True)
class Costly:
    """Each evaluation costs the genome's own number of tokens."""

    yields: bool = True
    cost_unit = "nominal tokens"
    elementwise = True

    def evaluate(self, genomes: Sequence[Any], fidelity: Any, seed: int) -> Any:
        coming = (Outcome(0.0, cost=genome) for genome in genomes)
        return coming if self.yields else list(coming)


def test_no_evaluation_begins_once_the_cost_is_reached(tmp_path: Path) -> None:
    genomes = [0.1] * 10 + [5.0] * 10
    for limit, evaluations, cost in [(0, 0, 0.0), (1, 10, 1.0), (7, 12, 11.0)]:
        found = run(once(genomes), Costly(), budget=Budget(cost=limit), path=tmp_path)
        assert found.usage.evaluations == evaluations
        assert found.usage.cost == pytest.approx(cost)
        assert found.stopped == f"the cost budget of {limit} nominal tokens is spent"
        assert found.reasons == {"cost": limit}
    shown = overview(found.record).text()
    assert "evaluation cost  11 nominal tokens" in shown
    assert queries.usage(found.record).cost == pytest.approx(11.0)


@each("executor", [Threads(2), Processes(2)])
@each("yields", [True, False])
def test_only_what_is_under_way_goes_beyond_the_cost(executor: Executor, yields: bool) -> None:
    genomes = [0.5] * 30 + [1.0] * 4000
    found = run(once(genomes), Costly(yields), budget=Budget(cost=30), executor=executor)
    assert 30 <= found.usage.cost <= 45
    same = run(once([0.5] * 4000), Costly(yields), budget=Budget(cost=30), executor=executor)
    assert (same.usage.cost, same.usage.evaluations) == (30, 60)


def test_without_a_unit_an_evaluation_costs_one() -> None:
    found = run(plain(1), Sphere(), budget=Budget(cost=9))
    assert found.usage.evaluations == 9
    assert found.stopped == "the cost budget of 9 is spent"
    assert "evaluation cost" not in overview(found.record).text()


@each("n", [0, 1, 5, 13])
@each("operator", [Paid(), Patient()])
def test_calls_are_met_exactly(n: int, operator: Paid) -> None:
    found = run(paid(operator), Sphere(), budget=Budget(calls=n))
    assert found.usage.calls == n
    assert found.stopped == f"the budget of {n} calls is spent"
    assert found.reasons == {"calls": n}


@each(
    ("limit", "calls", "what"),
    [
        (Budget(tokens=57), 5, "the budget of 57 tokens has 7 left, but the next call may take 10"),
        (Budget(money=1.1), 4, "the money budget of 1.1 has 0.1 left, but the next call may cost"),
    ],
)
@each("operator", [Paid(), Patient()])
def test_tokens_and_money_are_not_exceeded(
    limit: Budget, calls: int, what: str, operator: Paid
) -> None:
    found = run(paid(operator), Sphere(), budget=limit)
    assert found.usage.calls == calls
    assert found.stopped.startswith(what)
    assert found.reasons == {"tokens": 57} if limit.tokens else {"money": 1.1}
    assert found.usage.money == 0.25 * calls
    assert found.usage.tokens == 10 * calls


def test_money_needs_every_price(tmp_path: Path) -> None:
    found = run(paid(Paid(None)), Sphere(), budget=Budget(money=1.0))
    assert "needs the model's price" in found.stopped
    assert found.usage.calls == 0
    run(paid(Paid(None)), Sphere(), budget=Budget(calls=2), path=tmp_path)
    with pytest.raises(EvollmError, match="price of earlier calls of this run is unknown"):
        run(paid(Paid()), Sphere(), budget=Budget(money=1.0), path=tmp_path)


@each("operator", [Paid(), Patient()])
def test_calls_are_recalled_when_a_job_is_asked_again(operator: Paid, tmp_path: Path) -> None:
    def flow() -> Flow:
        return paid(operator, size=6, brood=3)

    for n in (2, 5, 8, 12):
        found = run(flow(), Sphere(), budget=Budget(calls=n), path=tmp_path)
        assert found.usage.calls == n
    assert digest(found) == digest(run(flow(), Sphere(), budget=Budget(calls=12)))
    keys = found.record.rows("SELECT job, key FROM calls")
    assert len(set(keys)) == len(keys) == 12


@each("name", ["evaluations", "seconds", "money", "stagnation"])
def test_budgets_are_not_negative(name: str) -> None:
    with pytest.raises(EvollmError, match=f"a budget of {name} can't be -1"):
        Budget(**{name: -1})
    for value in (nan, "ten", True):
        with pytest.raises(EvollmError, match=r"can't be nan|must be a (whole )?number, not"):
            Budget(**{name: value})  # type: ignore[arg-type]


def test_counts_are_whole() -> None:
    with pytest.raises(
        EvollmError, match=r"a budget of evaluations must be a whole number, not 2\.5"
    ):
        Budget(evaluations=2.5)  # type: ignore[arg-type]
    assert Budget(evaluations=np.int64(3), seconds=2.5).evaluations == 3  # type: ignore[arg-type]


class Unpriced:
    """A language model whose price nobody knows, or somebody does."""

    name = "theirs"

    def __init__(self, price: tuple[float, float] | None = None) -> None:
        self.price = price

    def complete(self, prompts: Sequence[str], sampling: object = None, n: int = 1) -> Any:
        raise AssertionError("it was asked")


@dataclass(frozen=True)
class Asks:
    """An operator that asks a model."""

    model: Any

    def vary(self, parents: Sequence[Any], n: int, seed: int) -> Offspring[Any]:
        return (Blend() if parents else Start()).vary(parents, n, seed)


def asking_flows(model: Any) -> dict[str, Any]:
    @operator
    def closure(parents: Any, rng: Any) -> Any:
        return parents[0] if model else None

    asks = Asks(model)
    return {
        "operator": generational(Start(), asks, size=5, seed=1),
        "start": generational(asks, Blend(), size=5, seed=1),
        "mating": generational(Start(), [Mating(Blend()), Mating(asks)], size=5, seed=1),
        "adaptive": generational(Start(), Adaptive([Mating(asks)]), size=5, seed=1),
        "stand-in": generational(Start(), Fallback(Blend(), Chain([asks])), size=5, seed=1),
        "lanes": steady_state(Start(), asks, size=5, seed=1),
        "search": Search(generational(Start(), Mating(asks), size=5, seed=1)),
        "function": generational(Start(), closure, size=5, seed=1),
    }


@each("where", asking_flows(None))
def test_money_without_a_price_is_refused_before_anything_is_evaluated(where: str) -> None:
    evaluated: list[Any] = []
    with pytest.raises(
        EvollmError, match="needs the price of the model theirs: give it per million"
    ):
        run(asking_flows(Unpriced())[where], evaluated.append, budget=Budget(money=1.0))
    assert not evaluated
    priced = asking_flows(Unpriced((1.0, 1.0)))[where]
    budget = Budget(money=1.0, evaluations=5)
    assert run(priced, Sphere(), budget=budget).usage.evaluations == 5
    with pytest.raises(EvollmError, match="needs the price"):
        AskTell(asking_flows(Unpriced())[where], budget=Budget(money=1.0))


def test_money_without_a_price_is_refused_for_a_model_that_the_fitness_asks() -> None:
    model = Unpriced()

    def fitness(genome: Any) -> float:
        return float(model.complete([""]))

    with pytest.raises(EvollmError, match="needs the price of the model theirs"):
        run(plain(1), fitness, budget=Budget(money=1.0))
