"""Plain functions serve as problems and as operators."""

from math import inf, nan
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError, Outcome, operator, run
from evollm.algorithms import generational
from evollm.functions import Fitness, as_problem
from evollm.testing import OperatorCase, OperatorKit, ProblemCase, ProblemKit, once
from tests.evollm.support_parts import Sphere
from tests.support_each import each


@operator
def flip(parents: list[Any], rng: np.random.Generator) -> Any:
    return np.where(rng.random(20) < 0.05, ~parents[0], parents[0])


@operator
def start(parents: list[Any], rng: np.random.Generator) -> Any:
    return rng.random(20) < 0.5


def ones(genome: Any) -> float:
    return float(genome.sum())


class TestFlip(OperatorKit):
    @pytest.fixture
    def case(self) -> OperatorCase:
        return flip, [np.zeros(20, bool)]


class TestOnes(ProblemKit):
    @pytest.fixture
    def case(self) -> ProblemCase:
        return as_problem(ones), [np.zeros(20, bool), np.ones(20, bool)], None


def test_three_functions_make_a_system() -> None:
    found = run(generational(start, flip, size=20, seed=1), ones, budget=Budget(target=20.0))
    assert found.fitness == 20.0
    assert found.record.rows("SELECT DISTINCT name FROM jobs ORDER BY name") == [
        ("flip",),
        ("ones",),
        ("start",),
    ]


def test_what_a_function_may_return() -> None:
    answers = [Outcome(1.0, {"a": 1}), (2.0, {"why": "so"}), np.float64(3), 4, True, nan, None, "x"]
    found = run(once(list(range(len(answers)))), lambda i: answers[i])
    assert [one.fitness for one in found.population] == [1, 2, 3, 4, 1, -inf, -inf, -inf]
    assert found.population[1].outcome.info == {"why": "so"}
    assert [one.error is None for one in found.population] == [True] * 5 + [False] * 3


def test_a_decorated_function_can_still_be_called() -> None:
    problem = Fitness(ones)
    assert problem(np.ones(3)) == 3.0
    assert problem.name == "ones"


def test_lifting_leaves_problems_alone() -> None:
    problem = Sphere()
    assert as_problem(problem) is problem
    with pytest.raises(EvollmError, match="'text' is not a problem"):
        as_problem("text")  # type: ignore[arg-type]


def test_outcomes_normalise_their_numbers() -> None:
    small: Any = np.float32(0.5)
    whole: Any = np.int64(2)
    outcome = Outcome(small, {"size": whole})
    assert (type(outcome.fitness), type(outcome.metrics["size"])) == (float, float)
    assert Outcome(nan).error == "the fitness is NaN"
    assert Outcome(3.0, error="lost").fitness == -inf
    with pytest.raises(TypeError):
        Outcome(None)  # type: ignore[arg-type]


@each("cost", [nan, inf, -inf, -0.5])
def test_an_outcome_whose_cost_cannot_be_summed_is_a_failure(cost: float) -> None:
    outcome = Outcome(1.0, cost=cost)
    assert (outcome.fitness, outcome.cost) == (-inf, 0.0)
    assert outcome.error == f"the cost is {cost}: give a finite number of at least 0"
    assert Outcome(1.0, error="lost", cost=cost).error == "lost"
    found = run(once([1, 2]), lambda genome: Outcome(genome, cost=cost if genome == 2 else 3))
    assert [one.outcome.cost for one in found.population] == [3.0, 0.0]
    assert found.usage.failed == 1


def test_a_cost_is_a_float() -> None:
    whole: Any = np.int64(2)
    assert type(Outcome(1.0, cost=whole).cost) is float
    with pytest.raises(TypeError):
        Outcome(1.0, cost=None)  # type: ignore[arg-type]
