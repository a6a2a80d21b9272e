"""The classical genetic algorithm replaces everyone, and scores only whom it changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError, Offspring, Result, run
from evollm.algorithms.classic import ea_simple
from evollm.algorithms.selection import best, tournament, uniform
from evollm.search.flow import Flow
from evollm.testing import FlowCase, FlowKit, Trial
from tests.evollm.support_parts import Blend, Sphere, Start
from tests.support_each import checks, each


@dataclass(frozen=True)
class Tag:
    """Adds a power of ten to each parent's genome, for up to ``most`` children."""

    tag: int
    most: int = 2

    def vary(self, parents: Sequence[Any], n: int, seed: int) -> Offspring[int]:
        made = [parent.genome + self.tag for parent in parents][: min(n, self.most)]
        return Offspring(made, parents=[[i] for i in range(len(made))])


@dataclass(frozen=True)
class Zeros:
    short: int = 0

    def vary(self, parents: Sequence[Any], n: int, seed: int) -> Offspring[int]:
        return Offspring([0] * (n - self.short))


def case_classic() -> FlowCase:
    def make(seed: int) -> Flow:
        return ea_simple(Start(), Blend(), Blend(0.1), size=7, seed=seed)

    return make, Sphere()


@each("check", checks(FlowKit))
def test_conformance_classic(check: Callable[..., None], tmp_path: Path) -> None:
    check(case_classic(), tmp_path)


def bred(generations: int = 1, size: int = 200, **settings: Any) -> Result[int]:
    parts = {"start": Zeros(), "mate": Tag(1), "mutate": Tag(10)} | settings
    return run(
        ea_simple(size=size, seed=5, **parts), Trial(), budget=Budget(generations=generations)
    )


def test_shares_of_mated_and_mutated_are_as_asked_for() -> None:
    found = bred(size=3000, cxpb=0.6, mutpb=0.3, select=uniform)
    genomes = np.array([one.genome for one in found.population])
    assert np.mean(genomes % 10 == 1) == pytest.approx(0.6, abs=0.03)
    assert np.mean(genomes >= 10) == pytest.approx(0.3, abs=0.03)
    assert np.mean(genomes == 11) == pytest.approx(0.18, abs=0.03)
    pairs = genomes.reshape(-1, 2) % 10
    assert (pairs[:, 0] == pairs[:, 1]).all()


def test_only_the_changed_are_scored_and_each_once() -> None:
    found = bred(generations=6, cxpb=0.3, mutpb=0.2)
    table = found.dataframe()
    assert table["candidate"].is_unique
    assert 0.3 < (len(table) - 200) / 1200 < 0.6
    old = [one for one in found.population if one.step < 6]
    assert old
    assert {one.fitness for one in old} <= set(table["fitness"])


def test_children_replace_their_parents_whatever_they_are_worth() -> None:
    found = bred(generations=4, size=10, mutate=Tag(-10), cxpb=0.0, mutpb=1.0)
    assert [one.genome for one in found.population] == [-40] * 10
    assert found.best is not None
    assert found.best.genome == 0


def test_mutants_of_a_mated_child_are_its_children() -> None:
    found = bred(size=4, cxpb=1.0, mutpb=1.0)
    assert [one.genome for one in found.population] == [11] * 4
    for one in found.population:
        (mated,) = one.parents
        assert (found.candidate(mated).genome, found.candidate(mated).operator) == (1, "Tag")
    assert found.usage.evaluations == 8


def test_whom_no_operator_changed_stays() -> None:
    found = bred(size=10, mate=Tag(1, most=1), cxpb=1.0, mutpb=0.0)
    assert [one.genome for one in found.population] == [1, 0] * 5
    assert found.usage.evaluations == 15


def test_the_initial_population_is_announced() -> None:
    found = run(
        ea_simple(Zeros(), Tag(1), Tag(10), size=6, seed=1), Trial(), budget=Budget(evaluations=6)
    )
    assert len(found.population) == 6
    assert found.usage.generations == 0


def test_an_odd_and_a_short_start_are_lived_with() -> None:
    assert len(bred(size=7, cxpb=1.0).population) == 7
    found = bred(size=8, start=Zeros(short=5), cxpb=1.0)
    assert len(found.population) == 8
    with pytest.raises(EvollmError, match="Zeros made no initial population"):
        bred(size=5, start=Zeros(short=5))


def test_the_selection_draws_from_the_last_population() -> None:
    found = bred(generations=30, size=6, select=lambda pool, k, rng: best(pool, 1, rng) * k)
    assert found.fitness > 50


def test_operators_that_make_nothing_end_the_run() -> None:
    none = Tag(1, most=0)
    with pytest.raises(EvollmError, match="no child was made in 100 generations: raise cxpb"):
        bred(generations=1000, size=4, mate=none, mutate=none)


@each("settings", [{"cxpb": 0.0, "mutpb": 0.0}, {"cxpb": 1.2}, {"mutpb": -0.1}])
def test_impossible_probabilities_are_refused_at_once(settings: dict[str, float]) -> None:
    with pytest.raises(EvollmError, match="cxpb and mutpb must be probabilities and not both 0"):
        ea_simple(Zeros(), Tag(1), Tag(10), size=4, seed=0, **settings)  # type: ignore[arg-type]


def test_a_population_of_one_is_refused_at_once() -> None:
    with pytest.raises(EvollmError, match="at least two individuals, not 1"):
        ea_simple(Zeros(), Tag(1), Tag(10), size=1, seed=0)


@each(("select", "warnings"), [(best, 1), (uniform, 1), (tournament(3), 0), (None, 0)])
def test_a_rule_that_draws_everyone_once_is_named(
    select: Any, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    bred(8, size=20, select=select)
    assert [record.message for record in caplog.records] == warnings * [
        "select drew each individual once in 3 generations, so nothing favours fitter ones: use a "
        "tournament, or evollm.algorithms.nsga2 for several objectives"
    ]
