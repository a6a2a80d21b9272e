"""The flows do what their pseudocode says; ``test_regimes`` tests what they have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError, Offspring, Outcome, Search, Threads, operator, run
from evollm.algorithms import (
    Mating,
    Rung,
    generational,
    islands,
    map_elites,
    one_plus_lambda,
    steady_state,
)
from evollm.algorithms.classic import ea_simple
from evollm.algorithms.generations import nsga2
from evollm.algorithms.mating import Adaptive
from evollm.report.text import summary
from evollm.search.flow import Flow, evaluate, vary
from evollm.store.record import Record
from evollm.testing import Given, Trial
from tests.evollm.algorithms.regimes import key, quadrant, sea
from tests.evollm.support_parts import Blend, Sphere, Start
from tests.support_each import each


def test_the_best_of_parents_and_children_live_on() -> None:
    found = run(
        generational(Start(), Blend(), size=6, seed=1), Sphere(), budget=Budget(generations=9)
    )
    table = found.dataframe()
    top = table.sort_values(["fitness", "candidate"], ascending=[False, True])["candidate"][:6]
    assert [one.id for one in found.population] == top.tolist()
    assert (table.groupby("step").size() == 6).all()
    assert table["parents"][table["step"] > 0].map(len).eq(2).all()


def test_a_short_start_is_lived_with() -> None:
    class Some(Start):
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            return super().vary(parents, n // 2, seed)

    found = run(
        generational(Some(), Blend(), size=6, seed=1), Sphere(), budget=Budget(generations=2)
    )
    assert found.usage.evaluations == 3 + 6 + 6
    assert len(found.population) == 6


def test_a_search_ends_when_nothing_new_can_be_bred() -> None:
    @operator
    def digit(parents: Any, rng: Any) -> int:
        return int(rng.integers(4))

    for flow in (
        generational(digit, digit, size=3, seed=1, key=lambda genome: genome),
        one_plus_lambda(digit, digit, offspring=2, seed=1, key=lambda genome: genome),
        steady_state(digit, digit, size=2, seed=1, key=lambda genome: genome),
        map_elites(digit, digit, lambda one: one.genome % 2, size=3, seed=1, key=int),
    ):
        found = run(flow, float, budget=Budget(evaluations=1000))
        assert found.stopped.startswith("nothing new was bred: all children of 3 rounds")
        assert found.usage.evaluations <= 7
        assert found.fitness == 3


class Nothing:
    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
        return Offspring([], rejected={"no luck": n})


@each(
    "make",
    [
        lambda: generational(Nothing(), Blend(), size=6, seed=1),
        lambda: nsga2(Nothing(), Blend(), ["fitness"], size=6, seed=1),
        lambda: steady_state(Nothing(), Blend(), size=6, seed=1),
        lambda: islands(Nothing(), Blend(), size=6, seed=1),
        lambda: one_plus_lambda(Nothing(), Blend(), offspring=2, seed=1),
        lambda: map_elites(Nothing(), Blend(), quadrant, size=6, seed=1),
        lambda: ea_simple(Nothing(), Blend(), Blend(), size=6, seed=1),
    ],
)
def test_a_start_that_makes_nothing_is_named(make: Callable[[], Flow | Search]) -> None:
    with pytest.raises(EvollmError, match="Nothing made no initial population: it must return"):
        run(make(), Sphere(), budget=Budget(evaluations=20))


def test_one_lane_without_a_start_lets_the_others_go_on() -> None:
    class Once(Start):
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            return super().vary(parents, n if n == 2 else 0, seed)

    flow = steady_state(Once(), Blend(), size=3, seed=1, lanes=2)
    found = run(flow, Sphere(), budget=Budget(evaluations=20))
    assert found.usage.evaluations == 20


def test_steady_lanes_credit_each_others_matings() -> None:
    matings = Adaptive([Mating(Blend(0.1)), Mating(Blend(0.5))])
    flow = steady_state(Start(), matings, size=6, seed=1, lanes=3)
    found = run(flow, Sphere(), budget=Budget(evaluations=60), executor=Threads(3))
    assert found.stopped == "the budget of 60 evaluations is spent"


def test_steady_lanes_do_not_wait_for_each_other() -> None:
    """One slow evaluation holds up its own lane only."""
    slow: list[int] = []

    def fitness(genome: Any) -> float:
        import time

        if not slow:
            slow.append(1)
            time.sleep(0.6)
        return -float(genome @ genome)

    flow = steady_state(Start(), Blend(), size=3, seed=1, lanes=3)
    found = run(flow, fitness, budget=Budget(evaluations=60, seconds=20), executor=Threads(3))
    rows = found.record.rows("SELECT lane, count(*) FROM jobs GROUP BY lane ORDER BY lane")
    counts = [count for _, count in rows]
    assert min(counts) < max(counts) / 3


def test_a_steady_step_is_as_many_children_as_the_population_has() -> None:
    flow = steady_state(Start(), Blend(), size=5, seed=1, lanes=2)
    found = run(flow, Sphere(), budget=Budget(generations=3))
    assert found.usage.evaluations == 5 + 3 * 5
    assert len(found.population) == 5


def test_migrants_travel_along_the_ring() -> None:
    found = run(sea(3), Sphere(), budget=Budget(evaluations=400))
    lane = dict(
        found.record.rows("SELECT c.id, j.lane FROM candidates c JOIN jobs j ON j.id = c.job")
    )
    pairs = found.record.rows("SELECT child, parent FROM lineage")
    crossed = {(lane[parent], lane[child]) for child, parent in pairs}
    assert {(0, 1), (1, 2), (2, 0)} < crossed
    assert len(found.population) == 3 * 4
    alone = run(
        islands(Start(), Blend(), size=4, seed=3, lanes=3, every=2, migrants=0),
        Sphere(),
        budget=Budget(evaluations=400),
    )
    lane = dict(
        alone.record.rows("SELECT c.id, j.lane FROM candidates c JOIN jobs j ON j.id = c.job")
    )
    pairs = alone.record.rows("SELECT child, parent FROM lineage")
    assert all(lane[parent] == lane[child] for child, parent in pairs)


def test_a_map_keeps_the_fittest_of_every_kind() -> None:
    flow = map_elites(Start(), Mating(Blend(), arity=1), quadrant, size=10, seed=1)
    found = run(flow, Sphere(), budget=Budget(generations=20))
    table = found.dataframe()
    kinds = table["genome"].map(lambda genome: tuple((genome[:2] > 0).tolist()))
    best = table.groupby(kinds)["fitness"].max()
    shown = {quadrant(one): one.fitness for one in found.population}
    assert len(shown) == 4
    assert shown == best.to_dict()


def test_a_map_keeps_the_latest_failure_and_islands_drop_duplicates() -> None:
    @dataclass(frozen=True)
    class Brittle:
        def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
            return [Outcome(-float(g @ g), error="broken" if g[0] > 0 else None) for g in genomes]

    flow = map_elites(Start(), Mating(Blend(), arity=1), quadrant, size=6, seed=1)
    found = run(flow, Brittle(), budget=Budget(generations=5))
    [kept] = [one for one in found.population if one.error]
    table = found.dataframe()
    assert kept.id == table["candidate"][table["error"].notna()].max()
    same = islands(Start(), Blend(), size=4, seed=3, lanes=2, key=lambda genome: 0)
    assert "duplicates" in run(same, Sphere(), budget=Budget(evaluations=50)).stopped


def test_one_parent_lives_until_a_child_is_as_good() -> None:
    @dataclass(frozen=True)
    class Flat:
        def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
            return [Outcome(1.0) for _ in genomes]

    flow = one_plus_lambda(Start(), Blend(), offspring=3, seed=1)
    found = run(flow, Flat(), budget=Budget(generations=5))
    assert found.usage.evaluations == 1 + 5 * 3  # the parent is not scored again
    assert found.population[0].step == 5  # and drifts where all are equal
    better = run(
        one_plus_lambda(Start(), Blend(), offspring=3, seed=1),
        Sphere(),
        budget=Budget(generations=9),
    )
    assert better.population[0].id == better.best.id  # type: ignore[union-attr]


def test_a_race_spends_more_on_fewer() -> None:
    rungs = (Rung(1, keep=4), Rung(2, keep=2), Rung(8))
    flow = one_plus_lambda(Start(), Blend(), offspring=6, seed=1, rungs=rungs, key=key)
    found = run(flow, Sphere(), budget=Budget(generations=3))
    jobs = found.record.rows(
        "SELECT fidelity, n, seed FROM jobs WHERE kind = 'evaluate' ORDER BY id"
    )
    assert [(fidelity, n) for fidelity, n, _ in jobs] == [(8, 1)] + 3 * [(1, 6), (2, 4), (8, 3)]
    assert len({seed for _, _, seed in jobs}) == len(jobs)
    assert found.population[0].fidelity == 8


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


def test_operators_read_what_an_evaluation_said() -> None:
    """An outcome's info reaches the next operator, also through a record."""
    heard: list[Any] = []

    @operator
    def start(parents: Any, rng: Any) -> float:
        return float(rng.random())

    class Listening:
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[float]:
            heard.extend(parent.outcome.info for parent in parents)
            return Offspring([parents[0].genome / 2] * n)

    def scored(genome: float) -> tuple[float, Any]:
        return genome, {"worst": [1, genome]}

    run(generational(start, Listening(), size=3, seed=1), scored, budget=Budget(generations=2))
    assert len(heard) == 2 * 3 * 2
    assert all(info["worst"][0] == 1 and 0 < info["worst"][1] < 1 for info in heard)


def test_the_best_of_a_generational_run_never_gets_worse() -> None:
    found = run(
        generational(Start(), Blend(), size=6, seed=1), Sphere(), budget=Budget(generations=9)
    )
    best = found.dataframe().groupby("step")["fitness"].max().cummax()
    assert all(a <= b for a, b in pairwise(best))


def test_no_valid_child_at_all_is_an_error() -> None:
    class Barren:
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            return Offspring([], rejected={"odd": n})

    said = "made no valid child in 3 rounds: the cause of all 12 failures is 'odd'; fix the op"
    with pytest.raises(EvollmError, match=said):
        run(generational(Start(), Barren(), size=4, seed=1), Sphere())


def genome_of(one: Any) -> Any:
    return one.genome


@each(
    ("make", "said"),
    [
        (lambda: generational(Start(), Blend(), size=-3, seed=1), "size must be a whole number"),
        (lambda: generational(Start(), Blend(), size=2.5, seed=1), "not 2.5"),
        (lambda: generational(Start(), Blend(), size=3, seed=-1), "a seed must be a whole number"),
        (lambda: generational(Start(), Blend, size=3, seed=1), "is neither an operator nor a list"),
        (lambda: generational(Start(), 3, size=3, seed=1), "3 is neither an operator"),
        (lambda: generational(lambda: 1, Blend(), size=3, seed=1), "is not an operator: decorate"),
        (lambda: steady_state(Start(), Blend(), size=3, seed=1, lanes=0), "lanes must be"),
        (lambda: islands(Start(), Blend(), size=3, seed=1, every=0), "every must be"),
        (lambda: one_plus_lambda(Start(), Blend(), offspring=0, seed=1), "offspring must be"),
        (lambda: Rung(keep=0), "keep must be"),
        (lambda: map_elites(Start(), Blend(), genome_of, size=3, seed=1), "cell such"),
        (lambda: Search(steady_state(Start(), Blend(), size=3, seed=1)), "already a Search"),
    ],
)
def test_wrong_settings_are_one_sentence(make: Any, said: str) -> None:
    with pytest.raises(EvollmError, match=said):
        run(make(), Sphere(), budget=Budget(evaluations=30))


@each(
    ("more", "said"),
    [
        ({"executor": "threads"}, "an object such as Threads"),
        ({"callbacks": print}, "callbacks must be a list of functions"),
        ({"budget": 30}, "the budget must be a Budget"),
    ],
)
def test_wrong_arguments_of_a_run_are_one_sentence(more: dict[str, Any], said: str) -> None:
    with pytest.raises(EvollmError, match=said):
        run(generational(Start(), Blend(), size=3, seed=1), Sphere(), **more)


def test_the_best_of_a_race_is_the_parent_that_survived_last(tmp_path: Path) -> None:
    @operator
    def number(parents: Any, rng: Any) -> float:
        return float(rng.normal())

    class Noisy:
        """Scores by fresh noise, so that the largest score ever seen means nothing."""

        def evaluate(self, genomes: Any, fidelity: int | None, seed: int) -> list[Outcome]:
            noise = np.random.default_rng(seed).normal(scale=100)
            return [Outcome(genome + noise) for genome in genomes]

    def flow() -> Flow:
        return one_plus_lambda(number, number, offspring=3, seed=4, rungs=(Rung(1),))

    budget = Budget(generations=8)
    found = run(flow(), Noisy(), budget=budget, path=tmp_path)
    assert found.best == found.population[0]
    assert found.fitness < found.dataframe()["fitness"].max()
    with Record(tmp_path, write=False) as record:
        steps = record.rows("SELECT * FROM bests ORDER BY step")
        assert steps[-1] == (8, found.best.id, found.fitness)
        assert f"candidate {found.best.id}" in summary(record)
    again = run(flow(), Noisy(), budget=budget, path=tmp_path)
    assert again.best == found.best


def test_a_race_stagnates_when_no_child_takes_over() -> None:
    same = operator(lambda parents, rng: 1.0)
    worse = operator(lambda parents, rng: 0.0)

    class Drifting:
        """Scores that differ from step to step by the data alone."""

        def evaluate(self, genomes: Any, fidelity: int | None, seed: int) -> list[Outcome]:
            return [Outcome(genome + seed % 1000) for genome in genomes]

    flow = one_plus_lambda(same, worse, offspring=2, seed=4, rungs=(Rung(1),))
    found = run(flow, Drifting(), budget=Budget(stagnation=4, generations=50))
    assert found.usage.generations == 4
