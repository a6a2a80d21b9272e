"""Noise: means of repeated evaluations, and lucky scores that are not kept."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError, Offspring, Outcome, run
from evollm.algorithms import generational, nsga2, one_plus_lambda, rescored, steady_state
from evollm.evaluation import Repeated
from evollm.evaluation.noise import mean_outcome
from evollm.testing import FlowKit, ProblemKit
from tests.evollm.support_parts import Blend, Sphere, Start
from tests.support_each import checks, each


@dataclass(frozen=True)
class Noisy:
    """The sum of a genome, with noise that only the seed and the genome determine."""

    deviation: float = 1.0
    elementwise = True
    cost_unit = "shots"

    def evaluate(
        self, genomes: Sequence[Any], fidelity: int | None, seed: int
    ) -> Iterator[Outcome]:
        for genome in genomes:
            key = np.frombuffer(np.asarray(genome, dtype=np.float64).tobytes(), dtype=np.uint32)
            noise = np.random.default_rng([seed, *key.tolist()]).normal(scale=self.deviation)
            yield Outcome(float(np.sum(genome)) + noise, {"seed": float(seed)}, cost=2.0)


@each("check", checks(ProblemKit))
def test_conformance(check: Callable[..., None], tmp_path: Path) -> None:
    check((Repeated(Noisy(), 3), [np.array([1.0]), np.array([2.0])], None), tmp_path)


def test_a_repeated_problem_returns_means_and_their_errors() -> None:
    [mean] = Repeated(Noisy(), 400).evaluate([np.array([5.0])], None, 1)
    assert mean.metrics["standard_error"] == pytest.approx(1 / sqrt(400), rel=0.2)
    assert abs(mean.fitness - 5.0) < 4 * mean.metrics["standard_error"]
    assert mean.cost == 800.0
    assert Repeated(Noisy(), 2).cost_unit == "shots"


def test_plain_functions_get_a_fresh_copy_each_time_and_failures_count() -> None:
    calls = []

    def function(genome: list[int]) -> float:
        genome.append(1)
        calls.append(list(genome))
        if len(calls) == 5:
            raise ValueError("out of tune")
        return float(len(genome))

    flow = one_plus_lambda(Zeros(), Zeros(), offspring=1, seed=0)
    found = run(flow, Repeated(function, 2), budget=Budget(cost=6))
    assert calls == [[0, 1]] * 6
    assert (found.usage.evaluations, found.usage.cost, found.usage.failed) == (3, 6.0, 1)
    assert found.stopped == "the cost budget of 6 evaluations is spent"
    assert found.fitness == 2.0


@dataclass(frozen=True)
class Zeros:
    def vary(self, parents: Any, n: int, seed: int) -> Offspring[list[int]]:
        return Offspring([[0] for _ in range(n)])


def test_what_is_feasible_once_is_not_feasible_on_average() -> None:
    mean = mean_outcome([Outcome(1.0, {"violation": -5.0}), Outcome(2.0, {"violation": 0.5})])
    assert (mean.fitness, mean.violation) == (1.5, 0.25)
    assert mean_outcome([Outcome(1.0), Outcome(2.0, error="broken")]).error == "broken"


def flows(seed: int) -> Any:
    return rescored(generational(Start(), Blend(), size=6, seed=seed), elite=2, seed=seed)


@each("check", checks(FlowKit))
def test_rescored_flows_conform(check: Callable[..., None], tmp_path: Path) -> None:
    check((flows, Sphere()), tmp_path)


@dataclass(frozen=True)
class Numbers:
    """New numbers from 0 to 1, whatever the parents."""

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
        return Offspring(list(np.random.default_rng(seed).random((n, 1))))


def lucky(elite: int) -> Any:
    flow = generational(Numbers(), Numbers(), size=5, offspring=10, seed=3)
    found = run(
        rescored(flow, elite=elite, seed=3) if elite else flow,
        Noisy(5.0),
        budget=Budget(evaluations=600),
    )
    assert found.best is not None
    return found


def test_a_lucky_score_is_not_kept() -> None:
    """The values differ by at most 1, the noise has a deviation of 5."""
    found = lucky(3)
    assert found.usage.evaluations == 600
    assert found.fitness < lucky(0).fitness - 4
    assert found.best.metrics["standard_error"] > 0
    assert len({one.fitness for one in found.population}) == 5
    named = found.record.rows("SELECT candidate, fitness FROM bests ORDER BY step DESC LIMIT 1")
    assert named == [(found.best.id, found.fitness)]


def test_only_flows_of_one_lane_are_rescored() -> None:
    with pytest.raises(EvollmError, match="not a Search of several lanes"):
        rescored(steady_state(Start(), Blend(), size=4, seed=0), elite=1, seed=0)  # type: ignore[arg-type]
    with pytest.raises(EvollmError, match="elite must be"):
        rescored(nsga2(Start(), Blend(), ["fitness"], size=4, seed=0), elite=0, seed=0)
