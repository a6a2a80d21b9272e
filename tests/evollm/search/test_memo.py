"""The memo: what is scored once, what the record says of it, and what resumes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, Individual, Outcome, run
from evollm.report.text import ancestry, summary
from evollm.search.flow import Flow, survive, vary
from evollm.search.memo import Memo
from evollm.store import queries
from evollm.store.record import Record
from evollm.testing import Given
from tests.evollm.support_cuts import Cut, cut_after


class Once:
    """Scores a number by itself, and remembers what it was asked."""

    elementwise = True

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Any]] = []

    def evaluate(self, genomes: Sequence[Any], fidelity: Any, seed: int) -> list[Outcome]:
        self.asked += [(genome, fidelity) for genome in genomes]
        return [self._score(genome) for genome in genomes]

    def _score(self, genome: int) -> Outcome:
        if genome < 0:
            return Outcome(0.0, error="negative")
        return Outcome(float(genome), genome=genome % 10 if genome >= 10 else None)


def batches(memo: Memo, *lists: list[int], fidelities: Sequence[int | None] = ()) -> Flow:
    """Score lists of numbers one after the other; all live."""
    living: list[Individual[Any]] = []
    for step, genomes in enumerate(lists):
        made = yield from vary(Given(genomes), [], len(genomes), 0, step)
        fidelity = fidelities[step] if fidelities else None
        living += yield from memo.evaluate(made, fidelity, seed=step, step=step)
        yield from survive(living, step)


def test_copies_are_scored_once_and_cost_nothing(tmp_path: Path) -> None:
    problem = Once()
    budget = Budget(evaluations=2)
    found = run(batches(Memo(int), [4] * 5, [4, 7, 4]), problem, budget=budget, path=tmp_path)
    assert problem.asked == [(4, None), (7, None)]
    assert [one.fitness for one in found.population] == [4, 4, 4, 4, 4, 4, 7, 4]
    assert [one.id for one in found.population] == list(range(8))
    assert (found.usage.evaluations, found.usage.memo) == (2, 6)
    with Record(tmp_path, write=False) as record:
        assert queries.usage(record).memo == 6
        assert "6 scores of equal genomes" in summary(record)
        assert ancestry(record, 5).startswith("5: fitness 4")
        sources = record.rows("SELECT candidate, source, step FROM reuses ORDER BY id")
        assert sources == [(1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0), (5, 0, 1), (7, 0, 1)]


def test_a_resumed_run_counts_and_reuses_the_same(tmp_path: Path) -> None:
    lists = [3, 3, 5], [5, 6, 3], [6, 8, 8]
    whole = run(batches(Memo(int), *lists), Once(), path=tmp_path / "whole")
    for n in range(1, 4):
        path, asked = tmp_path / str(n), Once()
        with pytest.raises(Cut):
            run(batches(Memo(int), *lists), asked, path=path, callbacks=[cut_after(n)])
        found = run(batches(Memo(int), *lists), asked, path=path)
        assert found.population == whole.population
        assert found.usage.memo == whole.usage.memo == 5
        assert len(asked.asked) == found.usage.evaluations == 4
        query = "SELECT * FROM reuses ORDER BY id"
        assert found.record.rows(query) == whole.record.rows(query)


def test_scores_of_another_fidelity_and_failures_are_not_reused() -> None:
    problem = Once()
    run(batches(Memo(int), [1], [1], [1], fidelities=[1, 2, 1]), problem)
    assert problem.asked == [(1, 1), (1, 2)]
    problem = Once()
    found = run(batches(Memo(int), [2, -1, -1], [-1]), problem)
    assert [genome for genome, _ in problem.asked] == [2, -1, -1]  # copies share it, later ones not
    assert found.usage.failed == 2


def test_a_memo_that_forgets_serves_one_call() -> None:
    problem = Once()
    found = run(batches(Memo(int, forget=True), [1, 1], [1, 1]), problem)
    assert len(problem.asked) == 2
    assert found.usage.memo == 2


def test_a_repaired_genome_is_shared() -> None:
    found = run(batches(Memo(int), [12, 12]), Once())
    assert [one.genome for one in found.population] == [2, 2]
