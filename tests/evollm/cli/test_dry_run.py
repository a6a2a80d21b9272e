"""Rehearsals say what the first generation asks, and how often a budget pays for that."""

from math import inf

from evollm import Budget
from evollm.algorithms import Mating, generational, nsga2, steady_state
from evollm.cli.dry_run import estimate, rehearse
from evollm.llm.base import Price, Sampling
from evollm.llm.dry import DryRunModel
from operators.compose import Fallback
from operators.text.prompting import TextMutation
from tests.evollm.support_parts import Blend, Start


def asking(model: DryRunModel, rounds: int = 1) -> TextMutation:
    return TextMutation(model, "Numbers.", sampling=Sampling(max_tokens=100), rounds=rounds)


def test_a_search_without_a_model_asks_nothing() -> None:
    found = rehearse(generational(Start(), Blend(), size=6, seed=1), lambda: 0)
    assert not found.asked
    said = estimate(
        generational(Start(), Blend(), size=6, seed=1), Budget(evaluations=9, generations=2), []
    )
    assert said.splitlines()[0] == "budget        9 evaluations, 2 generations"
    assert "is not asked" in said


def test_calls_are_counted_for_one_generation() -> None:
    model = DryRunModel("m", Price(1.0, 2.0))
    mating = Mating(Fallback(asking(model), Blend()), arity=1, brood=2)
    flow = generational(Start(), mating, size=6, seed=1)
    found = rehearse(flow, lambda: len(model.asks))
    assert (found.before, found.children, found.asked) == (6, 6, True)
    assert len(model.asks) == 6
    assert found.generations(Budget(evaluations=6 + 12)) == 2
    assert found.generations(Budget(evaluations=6 + 13)) == 3
    assert found.generations(Budget(evaluations=100, generations=4)) == 4
    assert found.generations(Budget()) == inf


def test_what_no_answer_can_satisfy_is_an_upper_bound() -> None:
    """The dry model never gives a child: all rounds of all jobs are counted."""
    model = DryRunModel("m", Price(1.0, 2.0))
    flow = generational(Start(), Mating(asking(model, 2), arity=1), size=5, seed=1)
    found = rehearse(flow, lambda: len(model.asks))
    assert found.before == 5
    assert len(model.asks) == 5 * 2 * 3  # children, the operator's rounds, the flow's rounds
    assert found.children >= 1


def test_lanes_and_objectives_can_be_rehearsed() -> None:
    model = DryRunModel("m", None)
    mating = Mating(Fallback(asking(model), Blend()), arity=1)
    assert rehearse(steady_state(Start(), mating, size=6, seed=1), lambda: len(model.asks)).asked
    front = nsga2(Start(), mating, ["size", "speed"], size=6, seed=1)
    assert rehearse(front, lambda: len(model.asks)).asked


def test_the_estimate_names_calls_tokens_and_cost() -> None:
    models = [DryRunModel("small", Price(1.0, 2.0))]
    mating = Mating(Fallback(asking(models[0]), Blend()), arity=1)
    flow = generational(Start(), mating, size=4, seed=1)
    said = estimate(flow, Budget(evaluations=12, calls=7), models)
    assert "at most 4 calls" in said
    assert "at most 2 generations, 7 calls" in said
    assert f"cost {2 * models[0].cost:.4g}" in said  # type: ignore[operator]
    assert "  Numbers." in said
    unknown = [DryRunModel("small", None)]
    flow = generational(Start(), Mating(asking(unknown[0]), arity=1), size=4, seed=1)
    assert "cost unknown (give --price)" in estimate(flow, Budget(evaluations=12), unknown)
