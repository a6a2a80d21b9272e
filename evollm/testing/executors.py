"""The contract of executors as tests."""

from math import inf
from pathlib import Path
from typing import Any

from evollm.executors.base import Executor
from evollm.runtime.budget import Budget
from evollm.runtime.loop import run
from evollm.store import rows
from evollm.testing.kits import fitness_of_all
from evollm.testing.trials import RAISED, TOKENS, Barred, Prepared, Questioner, Trial, once
from evollm.types import Individual


class ExecutorKit:
    """Tests for any executor; the fixture ``executor`` provides one that is not started."""

    def test_keeps_the_order(self, executor: Executor) -> None:
        """Assign each score to its genome."""
        genomes = list(range(40))
        assert fitness_of_all(run(once(genomes), Trial(), executor=executor)) == [
            float(g) for g in genomes
        ]

    def test_one_failure_costs_one_evaluation(self, executor: Executor) -> None:
        """Record a failure for any exception, and score the rest of the batch."""
        genomes = [1, "nan", 2, *RAISED, 3]
        expected = [1.0, -inf, 2.0, *[-inf] * len(RAISED), 3.0]
        for yields in (False, True):
            found = run(once(genomes), Trial(yields=yields), executor=executor)
            assert fitness_of_all(found) == expected
            errors = [one.outcome.error or "" for one in found.population]
            assert "NaN" in errors[1]
            assert "ValueError: a bad genome" in errors[3]
            named = [type(error).__name__ for error in RAISED.values()]
            assert [error.split(":")[0] for error in errors[3:-1]] == named
            failed = 1 + len(RAISED)
            assert (found.usage.evaluations, found.usage.failed) == (len(genomes), failed)

    def test_a_batch_that_fails_as_one_is_tried_one_by_one(self, executor: Executor) -> None:
        """Score the valid genomes of a batch that fails because of an invalid one."""
        found = run(once([5, "raise", 6]), Trial(elementwise=False), executor=executor)
        assert fitness_of_all(found) == [5.0, -inf, 6.0]

    def test_a_stop_waits_for_what_has_begun_only(self, executor: Executor) -> None:
        """After a stop, evaluate no further genomes of a batch whose outcomes are yielded."""
        problem = Trial(elementwise=False, yields=True, seconds=0.2)
        found = run(once([1.0] * 50), problem, executor=executor, callbacks=[_stop])
        assert found.stopped == "a callback stopped the run"
        assert 1 <= found.usage.evaluations < 25

    def test_genomes_are_recorded_as_they_were_given(self, executor: Executor) -> None:
        """Give copies to a problem that changes genomes in place."""
        genomes = [[1, 2], [3, 4]]
        for yields in (False, True):
            found = run(once(genomes), Trial(yields=yields), executor=executor)
            assert fitness_of_all(found) == [3.0, 7.0]
            assert [one.genome for one in found.population] == [[1, 2], [3, 4]]
            assert found.dataframe()["genome"].tolist() == [[1, 2], [3, 4]]

    def test_a_repaired_genome_takes_the_place(self, executor: Executor, tmp_path: Path) -> None:
        """Pass the repaired genome and the cost to the search, the record and a resumed run."""
        genomes = [(1.0, [5]), (2.0, [6])]
        for _ in range(2):
            found = run(once(genomes), Trial(yields=True), executor=executor, path=tmp_path)
            assert [one.genome for one in found.population] == [[5], [6]]
            assert [one.outcome.cost for one in found.population] == [2.5, 2.5]
            assert found.candidate(1).genome == [6]
            assert found.dataframe()["genome"].tolist() == [[5], [6]]

    def test_a_context_travels(self, executor: Executor, tmp_path: Path) -> None:
        """Pass a job's context to the problem, and mark evaluations that were cut short."""
        genomes = [5.0, 1.0, 4.0, 2.0]
        for _ in range(2):
            flow = once(genomes, {"bar": 3})
            found = run(flow, Barred(), executor=executor, path=tmp_path)
            assert [one.outcome.bound for one in found.population] == [False, True, False, True]
            assert [one.outcome.info for one in found.population] == [0, 1, 2, 3]
            assert (found.usage.bounds, found.usage.evaluations) == (2, 4)
            assert found.dataframe()["bound"].tolist() == [False, True, False, True]

    def test_calls_inside_evaluations_count(self, executor: Executor, tmp_path: Path) -> None:
        """Meet limits on model calls exactly, and resume from the recorded calls at no charge.

        The refused evaluation is not a failure and has no outcome; it is repeated on resume.
        """
        for place, problem in enumerate((Questioner(), Questioner(True), Questioner(yields=False))):
            path = tmp_path / str(place)
            limits = [Budget(calls=3), Budget(tokens=8 * TOKENS), Budget(money=5.5), Budget()]
            for limit, calls in zip(limits, (3, 8, 11, 12), strict=True):
                found = run(once(range(6)), problem, budget=limit, executor=executor, path=path)
                assert (found.usage.calls, found.usage.tokens) == (calls, calls * TOKENS)
                assert (found.usage.failed, bool(found.reasons)) == (0, calls < 12)
            assert fitness_of_all(found) == [float(genome) for genome in range(6)]
            keys = [one.key for one in rows.calls(found.record, job=1)]
            assert len(set(keys)) == len(keys) == 12

    def test_each_worker_prepares_the_problem_once(self, executor: Executor) -> None:
        """Prepare the problem in the evaluating process, before the first chunk."""
        found = run(once(range(20)), Prepared(), executor=executor)
        assert {(one.fitness, one.outcome.info) for one in found.population} == {(1.0, 1)}

    def test_serves_one_run_after_another(self, executor: Executor) -> None:
        """Start again with another problem after being closed."""
        assert fitness_of_all(run(once([1, 2]), Trial(), executor=executor)) == [1.0, 2.0]
        assert fitness_of_all(run(once([1, 2]), Trial(10.0), executor=executor)) == [10.0, 20.0]

    def test_closes_without_having_worked(self, executor: Executor) -> None:
        """Close immediately in either way, even if never started."""
        executor.close()
        executor.start(Trial())
        executor.close()
        executor.start(Trial())
        executor.close(wait=False)


def _stop(under_way: Any, individual: Individual[Any]) -> None:
    under_way.stop()
