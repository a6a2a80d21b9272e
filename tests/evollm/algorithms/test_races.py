"""Races: rungs that say what they mean, contexts and bounds, starts, and cuts within a rung."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError, Individual, Offspring, Outcome, run
from evollm.algorithms import Distinct, Rung, map_elites, one_plus_lambda
from evollm.algorithms.selection import best, tournament
from evollm.report.curves import best_so_far
from evollm.report.text import summary
from evollm.search.flow import Flow, seeded
from evollm.store.record import Record
from evollm.testing import Given, Trial, once
from evollm.types import Candidate
from tests.evollm.support_cuts import Cut, cut_after
from tests.evollm.support_parts import digest
from tests.support_each import each

Levels = tuple[int, ...]


@dataclass(frozen=True)
class Masks:
    """Draws which eight of twelve levels are kept."""

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Levels]:
        rng = np.random.default_rng(seed)
        return Offspring([tuple(rng.permutation([1] * 8 + [0] * 4).tolist()) for _ in range(n)])


@dataclass(frozen=True)
class Swap:
    """Exchanges a level that is kept for one that is not: the budget stays the same."""

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Levels]:
        rng = np.random.default_rng(seed)
        return Offspring([self._child(np.array(parents[0].genome), rng) for _ in range(n)])

    def _child(self, levels: Any, rng: Any) -> Levels:
        one, other = rng.choice(np.flatnonzero(levels)), rng.choice(np.flatnonzero(levels == 0))
        levels[[one, other]] = levels[[other, one]]
        return tuple(levels.tolist())


@dataclass
class Funnel:
    """Scores levels on a minibatch; cuts short what can't be among those that are kept."""

    cuts: bool = True
    seen: list[Any] = field(default_factory=list, metadata={"parameter": False})

    def evaluate(
        self, genomes: Sequence[Levels], fidelity: int | None, seed: int, context: Any = None
    ) -> Iterator[Outcome]:
        noise = np.random.default_rng(seed).normal(size=12) / (fidelity or 1)
        found = [float(np.dot(levels, np.arange(12) + noise)) for levels in genomes]
        context = context or {"keep": len(genomes)}
        bar = sorted(found)[-context["keep"]] if self.cuts else -np.inf
        for levels, fitness in zip(genomes, found, strict=True):
            self.seen.append((levels, fidelity, seed, context))
            cut = fitness < bar
            yield Outcome(bar - 0.1 if cut else fitness, bound=cut)


RUNGS = (Rung(2, keep=3, name="2 tokens"), Rung(8, name="8 tokens"))


def evopress(seed: int) -> Flow:
    key = Distinct(tuple, scope="generation")
    return one_plus_lambda(
        Masks(), Swap(), offspring=6, seed=seed, rungs=RUNGS, key=key,
        starts=10, start_rungs=[Rung(4, name="4 tokens")],
    )  # fmt: skip


def test_a_start_of_many_has_a_rung_of_its_own() -> None:
    problem = Funnel()
    found = run(evopress(1), problem, budget=Budget(generations=3))
    jobs = found.record.rows(
        "SELECT fidelity, n, rung FROM jobs WHERE kind = 'evaluate' ORDER BY id"
    )
    generation = [(2, 6, "2 tokens, keep 3"), (8, 4, "8 tokens, keep 1")]
    assert jobs == [(4, 10, "4 tokens, keep 1"), *generation * 3]
    first = found.record.rows("SELECT candidate, fitness FROM bests WHERE step = 0")[0]
    scores = found.record.rows("SELECT fitness FROM outcomes WHERE job = 1 AND NOT bound")
    assert first[1] == max(scores)[0]
    assert {type(fidelity) for _, fidelity, _, _ in problem.seen} == {int}


def test_without_rungs_the_fittest_start_is_the_parent() -> None:
    flow = one_plus_lambda(Given((3, 9, 4)), Given((1,)), offspring=1, seed=1, starts=3)
    found = run(flow, lambda genome: genome, budget=Budget(generations=2))
    assert found.population[0].genome == 9
    assert found.usage.evaluations == 5


def test_the_scorer_knows_the_parent_and_how_many_are_kept() -> None:
    problem = Funnel()
    found = run(evopress(2), problem, budget=Budget(generations=1))
    start = found.record.rows("SELECT candidate FROM bests WHERE step = 0")[0][0]
    contexts = [context for _, fidelity, _, context in problem.seen if fidelity == 8]
    assert contexts[0]["keep"] == 1
    assert contexts[0]["parents"] == [start]
    assert contexts[0]["ids"][-1] == start
    early = [context for _, fidelity, _, context in problem.seen if fidelity == 2]
    assert early[0]["keep"] == 3
    assert early[0]["parents"] == [start]


def test_scores_cut_short_change_no_winner_and_are_said(tmp_path: Path) -> None:
    budget = Budget(generations=6)
    found = run(evopress(3), Funnel(), budget=budget, path=tmp_path)
    whole = run(evopress(3), Funnel(cuts=False), budget=budget)
    assert found.population[0].genome == whole.population[0].genome
    assert found.fitness == whole.fitness
    cut = found.usage.bounds
    assert 36 < cut <= 9 + 6 * (3 + 3)  # a child that equals its parent is not cut
    with Record(tmp_path, write=False) as record:
        text = summary(record)
        assert f"{cut} evaluations, whose fitness is only a bound" in text
        assert "8 tokens, keep 1" in text
        assert len(record.rows("SELECT * FROM outcomes WHERE bound")) == cut
        contexts = record.rows("SELECT context FROM jobs WHERE fidelity = 2")
        assert all('"keep": 3' in context for (context,) in contexts)
    assert run(evopress(3), Funnel(), budget=budget, path=tmp_path).usage.bounds == cut
    assert found.dataframe()["rung"].iloc[0] == "4 tokens, keep 1"


def test_a_run_that_was_cut_within_a_rung_keeps_the_partial_scores(tmp_path: Path) -> None:
    budget = Budget(generations=2)
    undisturbed = Funnel(cuts=False)
    whole = run(evopress(4), undisturbed, budget=budget)
    for n in (11, 13, 17, 19, 20):  # within the first rung, the last one, and the next generation
        problem, path = Funnel(cuts=False), tmp_path / str(n)
        with pytest.raises(Cut):
            run(evopress(4), problem, budget=budget, path=path, callbacks=[cut_after(n)])
        done = len(problem.seen)
        assert n <= done < len(undisturbed.seen)
        found = run(evopress(4), problem, budget=budget, path=path)
        assert digest(found) == digest(whole)
        asked = [(levels, fidelity, seed) for levels, fidelity, seed, _ in problem.seen]
        assert len(asked) - len(undisturbed.seen) <= done - n  # no recorded score is asked again


def individual(number: int, fitness: float, bound: bool = False) -> Individual[int]:
    outcome = Outcome(fitness, bound=bound)
    return Individual(Candidate(number, number, (), "given", 0), outcome)


def test_a_bound_ranks_behind_a_whole_score_and_is_never_the_best() -> None:
    pool = [individual(0, 1.0, bound=True), individual(1, 1.0), individual(2, 0.5)]
    assert [one.id for one in best(pool, 3, seeded(1))] == [1, 0, 2]
    assert {one.id for one in tournament(40)(pool, 20, seeded(1))} == {1}


def test_a_larger_bound_is_not_the_best_anywhere(tmp_path: Path) -> None:
    class Tail:
        """Cuts every genome above 5 short."""

        def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
            return [Outcome(float(genome), bound=genome > 5) for genome in genomes]

    def flow() -> Flow:
        return map_elites(Given((3, 9, 4)), Given((8, 2)), lambda one: one.genome % 2,
                          size=3, seed=1)  # fmt: skip

    budget = Budget(generations=3, target=6.0)
    for _ in range(2):
        found = run(flow(), Tail(), budget=budget, path=tmp_path)
        assert (found.best.genome, found.fitness) == (4, 4.0)  # type: ignore[union-attr]
        assert found.reasons == {"generations": 3}
        assert {one.genome for one in found.population} <= {2, 3, 4}
        assert best_so_far(found.record)[-1] == 4.0
        with Record(tmp_path, write=False) as record:
            assert "4 (fitness)" in summary(record)


@each("context", [{"bar": object()}, ["bar"], 3])
def test_a_context_that_is_not_json_is_one_sentence(context: Any) -> None:
    with pytest.raises(EvollmError, match="must be a dict that can be written as JSON"):
        run(once([1], context), Trial())
