"""The flows do what their pseudocode says."""

from typing import Any

import numpy as np
import pytest

from evollm import Budget, Candidate, EvollmError, Offspring, run
from evollm.algorithms import fill, generational
from evollm.flow import Flow, Vary, evaluate, vary
from evollm.selection import roulette
from evollm.testing import FlowCase, FlowKit, Given, Trial
from tests.evollm.parts import Blend, Sphere, Start


class TestBroods(FlowKit):
    @pytest.fixture
    def case(self) -> FlowCase:
        def make(seed: int) -> Flow:
            return generational(
                Start(), Blend(), size=7, seed=seed, brood=3, arity=3, parents=roulette
            )

        return make, Sphere()


def test_the_best_of_parents_and_children_live_on() -> None:
    found = run(
        generational(Start(), Blend(), size=6, seed=1), Sphere(), budget=Budget(generations=9)
    )
    table = found.dataframe()
    top = table.sort_values(["fitness", "candidate"], ascending=[False, True])["candidate"][:6]
    assert [one.id for one in found.population] == top.tolist()
    assert (table.groupby("step").size() == 6).all()
    assert table["parents"][table["step"] > 0].map(len).eq(2).all()


class Stingy:
    """Makes every other child only."""

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
        return Offspring([seed] * (n if seed % 2 else 0), rejected={"even": 1 - seed % 2})


def filled(seeds: list[int], n: int, brood: int = 1) -> tuple[list[int], list[int]]:
    """Return the children's genomes, and how many were asked for in each job."""
    asked: list[int] = []
    children: list[Candidate[Any]] = []

    def ask(missing: int) -> Vary[Any]:
        asked.append(min(missing, brood))
        return Vary(Stingy(), [], asked[-1], seeds[len(asked) - 1])

    def flow() -> Flow:
        children.extend((yield from fill(ask, n)))

    run(flow(), Trial())
    return [one.genome for one in children], asked


def test_fill_asks_again_for_what_is_missing() -> None:
    assert filled([1, 2, 3, 4, 5], 3) == ([1, 3, 5], [1] * 5)
    assert filled([1, 3, 5], 5, brood=2) == ([1, 1, 3, 3, 5], [2, 2, 1])
    assert filled([], 0) == ([], [])


def test_fill_gives_what_there_is_after_its_rounds() -> None:
    assert filled([1] + [2] * 6, 3) == ([1], [1] * 7)


def test_no_child_at_all_is_an_error() -> None:
    with pytest.raises(EvollmError, match="made no valid child in 3 rounds: see the run's rej"):
        filled([2] * 20, 4)


def test_a_short_start_is_lived_with() -> None:
    class Some(Start):
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            return super().vary(parents, n // 2, seed)

    found = run(
        generational(Some(), Blend(), size=6, seed=1), Sphere(), budget=Budget(generations=2)
    )
    assert found.usage.evaluations == 3 + 6 + 6
    assert len(found.population) == 6


def test_a_flow_of_ones_own() -> None:
    def climb(seed: int) -> Flow:
        rng = np.random.default_rng(seed)
        (one,) = yield from evaluate((yield from vary(Given((0,)), [], 1, 0)))
        for step in range(1, 6):
            child = yield from vary(Given((one.genome + int(rng.integers(2)),)), [one], 1, 0, step)
            (other,) = yield from evaluate(child, step=step)
            one = max(one, other, key=lambda individual: individual.fitness)

    found = run(climb(1), Trial())
    assert found.fitness == max(found.dataframe()["fitness"])
    assert found.usage.generations == 5
