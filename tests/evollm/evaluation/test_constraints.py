"""Constraints: one order for everything that compares individuals, up to the reports."""

from dataclasses import dataclass
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import Budget, Candidate, Evaluate, Individual, Offspring, Outcome, Result, Vary, run
from evollm.algorithms import front, generational, nsga2
from evollm.algorithms.pareto import crowding
from evollm.algorithms.races import youngest_best
from evollm.algorithms.selection import best, roulette, tournament
from evollm.evaluation.constraints import comparable, violation
from evollm.report.plots import best_so_far
from evollm.report.sections import overview
from evollm.store import queries
from evollm.store.record import Record
from tests.evollm.support_parts import Blend
from tests.support_each import each

FOUND = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=12)


def individual(i: int, fitness: float, broken: float = 0.0, **more: float) -> Individual[Any]:
    outcome = Outcome(fitness, {"violation": broken, **more})
    return Individual(Candidate(i, None, (), "given", 0), outcome)


def better(one: Individual[Any], other: Individual[Any]) -> bool:
    """Deb's rule in his own words."""
    if one.violation == 0 and other.violation == 0:
        return one.fitness > other.fitness
    if one.violation == 0 or other.violation == 0:
        return one.violation == 0
    return one.violation < other.violation


@given(FOUND)
def test_every_rule_follows_debs(found: list[tuple[float, float]]) -> None:
    pool = [individual(i, *pair) for i, pair in enumerate(found)]
    rng = np.random.default_rng(0)
    everyone = 200 * len(pool)
    chosen = [
        best(pool, 1, rng)[0],
        youngest_best(pool, 1)[0],
        tournament(everyone)(pool, 1, rng)[0],
        pool[int(np.argmax(comparable(pool)))],
    ]
    for winner in chosen:
        assert not any(better(other, winner) for other in pool)
    if any(one.violation == 0 and one.fitness > 0 for one in pool):
        assert roulette(pool, 1, rng)[0].violation == 0


def test_violations_are_summed_and_what_is_no_number_fails() -> None:
    assert violation([-1.0, 0.0, 2.0, 0.5]) == 2.5
    assert violation(-3) == violation([]) == 0.0
    with pytest.raises(ValueError, match="finite"):
        violation([1.0, nan])
    for wrong in (nan, inf, "much"):
        failed = Outcome(1.0, {"violation": wrong})  # type: ignore[dict-item]
        assert failed.fitness == -inf
        assert "violation" in str(failed.error)
        assert failed.merit < Outcome(-1e9, {"violation": 1e9}).merit
    assert Outcome(1.0, {"violation": -2.0}).merit == Outcome(1.0).merit


PAIRS = st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=12)


@given(PAIRS)
def test_a_front_is_what_nothing_dominates_by_debs_definition(
    found: list[tuple[int, int, int]],
) -> None:
    pool = [individual(i, a, v, other=b) for i, (a, b, v) in enumerate(found)]
    aims = ("fitness", "other")

    def dominates(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
        if one[2] or other[2]:
            return one[2] < other[2]
        return one[0] >= other[0] and one[1] >= other[1] and one != other

    free = {i for i, one in enumerate(found) if not any(dominates(other, one) for other in found)}
    kept = front(pool, aims)
    assert {one.id for one in kept} <= free
    assert {found[one.id][:2] for one in kept} == {found[i][:2] for i in free}
    first = crowding(aims)(pool, len(free), np.random.default_rng(0))
    assert {one.id for one in first} == free


def bnh(genome: np.ndarray) -> Outcome:
    """Binh and Korn's problem, whose front is known."""
    x, y = np.clip(genome, 0, 1) * (5, 3)
    broken = violation([(x - 5) ** 2 + y**2 - 25, 7.7 - (x - 8) ** 2 - (y + 3) ** 2])
    other = -((x - 5) ** 2 + (y - 5) ** 2)
    return Outcome(-4 * (x**2 + y**2), {"other": other, "violation": broken})


def ripple(x: float, y: float) -> float:
    return 1 + 0.1 * np.cos(16 * np.arctan2(x, y)) - x**2 - y**2


def tnk(genome: np.ndarray) -> Outcome:
    """Tanaka's problem, whose front lies on the border of a constraint."""
    x, y = np.clip(genome, 1e-9, 1) * np.pi
    broken = violation([ripple(x, y), (x - 0.5) ** 2 + (y - 0.5) ** 2 - 0.5])
    return Outcome(-x, {"other": -y, "violation": broken})


class Wide:
    name = "wide"

    def vary(self, parents: object, n: int, seed: int) -> Offspring[np.ndarray]:
        return Offspring(list(np.random.default_rng(seed).uniform(0, 1, (n, 2))))


def searched(problem: Any) -> list[Individual[Any]]:
    flow = nsga2(Wide(), Blend(0.05), ["fitness", "other"], size=40, seed=1)
    kept = front(run(flow, problem, budget=Budget(generations=30)).population, ["fitness", "other"])
    assert len(kept) > 20
    assert all(one.violation == 0 for one in kept)
    return kept


def test_nsga2_finds_known_fronts_of_problems_with_constraints() -> None:
    from pymoo.problems import get_problem

    known = get_problem("bnh").pareto_front()
    own = np.array([(-one.fitness, -one.metrics["other"]) for one in searched(bnh)])
    scale = known.max(axis=0) - known.min(axis=0)
    gaps = np.linalg.norm((known[:, None] - own[None]) / scale, axis=2)
    assert gaps.min(axis=1).mean() < 0.06
    assert gaps.min(axis=0).mean() < 0.01
    borders = [ripple(-one.fitness, -one.metrics["other"]) for one in searched(tnk)]
    assert np.mean(borders) > -0.05


def rising(genome: float) -> Outcome:
    """Larger is better, but numbers above 3 are infeasible."""
    return Outcome(genome, {"violation": max(0.0, genome - 3)})


@dataclass(frozen=True)
class Listed:
    genomes: tuple[float, ...] = (1.0,)

    def vary(self, parents: object, n: int, seed: int) -> Offspring[float]:
        return Offspring([9.0] * n if parents else list(self.genomes[:n]))


@dataclass(frozen=True)
class Nearer:
    def vary(self, parents: Any, n: int, seed: int) -> Offspring[float]:
        return Offspring([(parents[0].genome - 1) if parents else 9.0] * n)


def listed(*genomes: float) -> Any:
    return generational(Listed(genomes), Listed(), size=len(genomes), seed=0)


def scored(path: Path, *genomes: float, **limits: Any) -> Result[Any]:
    return run(listed(*genomes), rising, budget=Budget(**limits), path=path)


@each(
    ("genomes", "feasible", "word"),
    [((8.0, 2.0, 5.0), True, "best"), ((8.0, 4.0), False, "infeasible with a violation of 1")],
)
def test_results_records_and_reports_say_the_same(
    genomes: tuple[float, ...], feasible: bool, word: str, tmp_path: Path
) -> None:
    found = scored(tmp_path, *genomes, generations=1)
    least = 2.0 if feasible else 4.0
    assert found.best is not None
    assert (found.best.genome, found.feasible) == (least, feasible)
    with Record(tmp_path, write=False) as record:
        assert queries.best(record) == (found.best.id, least)
        assert word in overview(record).text()
        assert best_so_far(record)[-1] == (2.0 if feasible else -inf)
    again = scored(tmp_path, *genomes, generations=1)
    assert again.best == found.best


def test_an_infeasible_point_reaches_no_target_and_less_violation_is_progress(
    tmp_path: Path,
) -> None:
    found = scored(tmp_path / "a", 8.0, 2.0, target=2.5, generations=3)
    assert found.stopped == "the budget of 3 generations is spent"
    assert scored(tmp_path / "b", 8.0, 3.0, target=2.5).reasons == {"target": 2.5}
    found = run(
        generational(Nearer(), Nearer(), size=1, seed=0), rising, budget=Budget(stagnation=2)
    )
    assert found.best is not None
    assert found.best.genome == 3.0


def test_a_feasible_point_of_low_fidelity_is_better_than_an_infeasible_one() -> None:
    low, high = Outcome(1.0), Outcome(9.0, {"violation": 1.0})

    def flow() -> Any:
        [made] = yield Vary(Listed(), [], 1, 0)
        for fidelity, _ in ((1, low), (5, high)):
            yield Evaluate([made], fidelity)

    class Both:
        def evaluate(self, genomes: Any, fidelity: int, seed: int) -> list[Outcome]:
            return [low if fidelity == 1 else high for _ in genomes]

    found = run(flow(), Both())
    assert found.best is not None
    assert found.best.outcome == low
