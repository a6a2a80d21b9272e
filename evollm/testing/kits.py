"""Conformance kits: the contract of each protocol as tests, for whoever implements one.

A kit is subclassed in a test module, with one pytest fixture that provides what is to be tested::

    class TestFlip(OperatorKit):
        @pytest.fixture
        def case(self):
            return Flip(0.1), [np.array([True, False]), np.array([False, False])]
"""

import copy
import pickle
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from evollm.executors.base import Executor
from evollm.executors.pickling import pickled
from evollm.runtime.budget import Budget
from evollm.runtime.loop import run
from evollm.runtime.result import Result
from evollm.search.fingerprint import Fingerprints
from evollm.search.flow import Evaluate, Flow, Vary
from evollm.search.search import Search, Ticket
from evollm.store import rows
from evollm.store.codec import decode, encode
from evollm.testing.trials import RAISED, TOKENS, Barred, Given, Prepared, Questioner, Trial, once
from evollm.types import Candidate, Individual, Offspring, Operator, Outcome, Problem

__all__ = [
    "ExecutorKit",
    "FlowCase",
    "FlowKit",
    "Given",
    "OperatorCase",
    "OperatorKit",
    "ProblemCase",
    "ProblemKit",
    "Trial",
    "once",
]

OperatorCase: TypeAlias = tuple[Operator[Any], Sequence[Any]]
ProblemCase: TypeAlias = tuple[Problem[Any], Sequence[Any], int | None]
FlowCase: TypeAlias = tuple[Callable[[int], Flow | Search], Problem[Any]]


class OperatorKit:
    """What every operator keeps to.

    The fixture ``case`` provides an operator and the genomes of its parents, which may be none. A
    model that the operator asks must answer the same each time, as ``Scripted`` does.
    """

    def test_gives_at_most_what_is_asked(self, case: OperatorCase) -> None:
        """Make none, one or many children, with a note and parents for each or for none."""
        operator, genomes = case
        for n in (0, 1, 2, 7):
            made = operator.vary(_parents(genomes), n, seed=n)
            size = len(made.genomes)
            assert size <= n
            assert len(made.notes) in (0, size)
            assert len(made.parents) in (0, size)
            assert all(0 <= place < len(genomes) for own in made.parents for place in own)
            assert all(count >= 0 for count in made.rejected.values())

    def test_is_pure_given_its_seed(self, case: OperatorCase) -> None:
        """Make the same children again, in a pickled copy too."""
        operator, genomes = case
        copied = pickle.loads(pickled(operator, "the operator"))
        first = _frozen(operator.vary(_parents(genomes), 5, seed=3))
        assert first == _frozen(operator.vary(_parents(genomes), 5, seed=3))
        assert first == _frozen(copied.vary(_parents(genomes), 5, seed=3))

    def test_leaves_its_parents_alone(self, case: OperatorCase) -> None:
        """Change no parent's genome, and share none that could be changed with a child."""
        operator, genomes = case
        parents = _parents(copy.deepcopy(genomes))
        before = [encode(parent.genome) for parent in parents]
        made = operator.vary(parents, 5, seed=4)
        assert [encode(parent.genome) for parent in parents] == before
        for child in made.genomes:
            if isinstance(child, np.ndarray):
                assert not any(np.shares_memory(child, parent.genome) for parent in parents)

    def test_draws_from_no_global_random_state(self, case: OperatorCase) -> None:
        """Neither use nor move what other code draws from."""
        operator, genomes = case
        with _random_states_untouched():
            first = _frozen(operator.vary(_parents(genomes), 5, seed=5))
        random.random()
        np.random.random()  # noqa: NPY002
        assert first == _frozen(operator.vary(_parents(genomes), 5, seed=5))

    def test_does_many_jobs_as_it_does_each(self, case: OperatorCase) -> None:
        """With ``elementwise = True`` make bit for bit the same children in many jobs at once."""
        operator, genomes = case
        if not getattr(operator, "elementwise", False):
            return
        jobs = [_parents([*genomes[i:], *genomes[:i]]) for i in range(len(genomes))] * 3
        for n in (1, 2, 3):
            seeds = [7 * n + i for i in range(len(jobs))]
            together = [one for job in jobs for one in job]
            made = operator.vary_many(together, n, seeds)  # type: ignore[attr-defined]
            alone = [operator.vary(job, n, seed) for job, seed in zip(jobs, seeds, strict=True)]
            assert [encode(one) for one in made.genomes] == [
                encode(one) for part in alone for one in part.genomes
            ]
            assert [list(own) for own in made.parents] == [
                [place + i * len(genomes) for place in own]
                for i, part in enumerate(alone)
                for own in part.parents
            ]

    def test_children_can_be_recorded(self, case: OperatorCase) -> None:
        """Make genomes and notes that come back from a record as they went in."""
        operator, genomes = case
        made = operator.vary(_parents(genomes), 5, seed=6)
        for value in (*made.genomes, *made.notes):
            stored = encode(value)
            again = decode(stored)
            assert type(again) is type(value)
            assert encode(again) == stored


class ProblemKit:
    """What every problem keeps to.

    The fixture ``case`` provides a problem, a few genomes, and a fidelity or None.
    """

    def test_returns_one_outcome_a_genome(self, case: ProblemCase) -> None:
        """Score a batch, and an empty one."""
        problem, genomes, fidelity = case
        assert len(list(problem.evaluate(genomes, fidelity, 0))) == len(genomes)
        assert list(problem.evaluate([], fidelity, 0)) == []

    def test_is_pure_given_its_seed(self, case: ProblemCase) -> None:
        """Score the same again, and draw from no global random state."""
        problem, genomes, fidelity = case
        with _random_states_untouched():
            first = _scores(problem.evaluate(genomes, fidelity, 1))
        assert first == _scores(problem.evaluate(genomes, fidelity, 1))

    def test_travels_to_workers(self, case: ProblemCase) -> None:
        """Score the same after a journey by pickle."""
        problem, genomes, fidelity = case
        copied = pickle.loads(pickled(problem, "the problem"))
        first = _scores(problem.evaluate(genomes, fidelity, 2))
        assert first == _scores(copied.evaluate(genomes, fidelity, 2))

    def test_batches_can_be_cut_if_it_says_so(self, case: ProblemCase) -> None:
        """With ``elementwise = True`` score each genome as if it were alone, hence in order."""
        problem, genomes, fidelity = case
        if getattr(problem, "elementwise", False):
            alone = [one for genome in genomes for one in problem.evaluate([genome], fidelity, 3)]
            assert _scores(alone) == _scores(problem.evaluate(genomes, fidelity, 3))

    def test_outcomes_can_be_recorded(self, case: ProblemCase) -> None:
        """Say nothing about an evaluation that a record could not keep."""
        problem, genomes, fidelity = case
        for outcome in problem.evaluate(genomes, fidelity, 4):
            assert isinstance(outcome, Outcome)
            for said in (outcome.info, outcome.genome):
                stored = encode(said)
                assert encode(decode(stored)) == stored


class ExecutorKit:
    """What every executor keeps to; the fixture ``executor`` provides one that is not started."""

    def test_keeps_the_order(self, executor: Executor) -> None:
        """Hand each score to the genome that earned it."""
        genomes = list(range(40))
        assert _fitness(run(once(genomes), Trial(), executor=executor)) == [
            float(g) for g in genomes
        ]

    def test_one_failure_costs_one_evaluation(self, executor: Executor) -> None:
        """Record what fails, whatever is raised, and score the rest of its batch."""
        genomes = [1, "nan", 2, *RAISED, 3]
        expected = [1.0, -inf, 2.0, *[-inf] * len(RAISED), 3.0]
        for yields in (False, True):
            found = run(once(genomes), Trial(yields=yields), executor=executor)
            assert _fitness(found) == expected
            errors = [one.outcome.error or "" for one in found.population]
            assert "NaN" in errors[1]
            assert "ValueError: a bad genome" in errors[3]
            named = [type(error).__name__ for error in RAISED.values()]
            assert [error.split(":")[0] for error in errors[3:-1]] == named
            failed = 1 + len(RAISED)
            assert (found.usage.evaluations, found.usage.failed) == (len(genomes), failed)

    def test_a_batch_that_fails_as_one_is_tried_one_by_one(self, executor: Executor) -> None:
        """Score the good genomes of a batch that a bad one has spoilt."""
        found = run(once([5, "raise", 6]), Trial(elementwise=False), executor=executor)
        assert _fitness(found) == [5.0, -inf, 6.0]

    def test_a_stop_waits_for_what_has_begun_only(self, executor: Executor) -> None:
        """Score no genome that was not begun when the run was to stop, of a stream of outcomes."""
        problem = Trial(elementwise=False, yields=True, seconds=0.2)
        found = run(once([1.0] * 50), problem, executor=executor, callbacks=[_stop])
        assert found.stopped == "a callback asked for it"
        assert 1 <= found.usage.evaluations < 25

    def test_genomes_are_recorded_as_they_were_given(self, executor: Executor) -> None:
        """Give copies to a problem that changes them where they are."""
        genomes = [[1, 2], [3, 4]]
        for yields in (False, True):
            found = run(once(genomes), Trial(yields=yields), executor=executor)
            assert _fitness(found) == [3.0, 7.0]
            assert [one.genome for one in found.population] == [[1, 2], [3, 4]]
            assert found.dataframe()["genome"].tolist() == [[1, 2], [3, 4]]

    def test_a_repaired_genome_takes_the_place(self, executor: Executor, tmp_path: Path) -> None:
        """Hand the repaired genome and the cost to the search, the record and a resumed run."""
        genomes = [(1.0, [5]), (2.0, [6])]
        for _ in range(2):
            found = run(once(genomes), Trial(yields=True), executor=executor, path=tmp_path)
            assert [one.genome for one in found.population] == [[5], [6]]
            assert [one.outcome.cost for one in found.population] == [2.5, 2.5]
            assert found.candidate(1).genome == [6]
            assert found.dataframe()["genome"].tolist() == [[5], [6]]

    def test_a_context_travels(self, executor: Executor, tmp_path: Path) -> None:
        """Hand a job's context to the problem, and mark what it cut short."""
        genomes = [5.0, 1.0, 4.0, 2.0]
        for _ in range(2):
            flow = once(genomes, {"bar": 3})
            found = run(flow, Barred(), executor=executor, path=tmp_path)
            assert [one.outcome.bound for one in found.population] == [False, True, False, True]
            assert [one.outcome.info for one in found.population] == [0, 1, 2, 3]
            assert (found.usage.bounds, found.usage.evaluations) == (2, 4)
            assert found.dataframe()["bound"].tolist() == [False, True, False, True]

    def test_calls_inside_evaluations_count(self, executor: Executor, tmp_path: Path) -> None:
        """Meet limits on a model's calls exactly, and go on from the recorded calls at no charge.

        The refused evaluation is no failure, and has no outcome: it is made again on resume.
        """
        for place, problem in enumerate((Questioner(), Questioner(True), Questioner(yields=False))):
            path = tmp_path / str(place)
            limits = [Budget(calls=3), Budget(tokens=8 * TOKENS), Budget(money=5.5), Budget()]
            for limit, calls in zip(limits, (3, 8, 11, 12), strict=True):
                found = run(once(range(6)), problem, budget=limit, executor=executor, path=path)
                assert (found.usage.calls, found.usage.tokens) == (calls, calls * TOKENS)
                assert (found.usage.failed, bool(found.reasons)) == (0, calls < 12)
            assert _fitness(found) == [float(genome) for genome in range(6)]
            keys = [one.key for one in rows.calls(found.record, job=1)]
            assert len(set(keys)) == len(keys) == 12

    def test_each_worker_prepares_the_problem_once(self, executor: Executor) -> None:
        """Let a problem build its data where it is evaluated, before the first chunk."""
        found = run(once(range(20)), Prepared(), executor=executor)
        assert {(one.fitness, one.outcome.info) for one in found.population} == {(1.0, 1)}

    def test_serves_one_run_after_another(self, executor: Executor) -> None:
        """Start again after it was closed, with another problem."""
        assert _fitness(run(once([1, 2]), Trial(), executor=executor)) == [1.0, 2.0]
        assert _fitness(run(once([1, 2]), Trial(10.0), executor=executor)) == [10.0, 20.0]

    def test_closes_without_having_worked(self, executor: Executor) -> None:
        """End at once, however it is asked to, also if it was never started."""
        executor.close()
        executor.start(Trial())
        executor.close()
        executor.start(Trial())
        executor.close(wait=False)


class FlowKit:
    """What every flow keeps to.

    The fixture ``case`` provides a function from a seed to a new flow or ``Search``, and a problem
    that it can search. The flow may go on for ever: its first jobs are looked at. Lanes that share
    a population may set ``asynchronous``: the order of the answers is part of their input.
    """

    jobs = 40
    asynchronous = False

    def test_asks_the_same_jobs_again(self, case: FlowCase) -> None:
        """Depend on nothing but the seed and the answers."""
        make, problem = case
        with _random_states_untouched():
            first = _trace(make(1), problem, self.jobs)
        assert first == _trace(make(1), problem, self.jobs)
        assert first != _trace(make(2), problem, self.jobs)

    def test_does_not_mind_the_order_of_completion(self, case: FlowCase) -> None:
        """Ask the same, in whatever order the jobs that go out together are answered."""
        make, problem = case
        turned = _trace(make(1), problem, self.jobs, last=True)
        assert self.asynchronous or turned == _trace(make(1), problem, self.jobs)

    def test_resumes(self, case: FlowCase, tmp_path: Path) -> None:
        """Go on from a record as if nothing had happened, also from amid a batch."""
        make, problem = case
        whole = run(make(1), problem, budget=Budget(evaluations=23))
        for evaluations in (1, 4, 11, 23):
            cut = run(make(1), problem, budget=Budget(evaluations=evaluations), path=tmp_path)
        assert _recorded(cut) == _recorded(whole)


def _parents(genomes: Sequence[Any]) -> list[Individual[Any]]:
    """Make individuals of genomes, the first the fittest."""
    return [
        Individual(Candidate(i, genome, (), "given", 0), Outcome(float(-i)))
        for i, genome in enumerate(genomes)
    ]


def _frozen(made: Offspring[Any]) -> tuple[Any, ...]:
    """Make an operator's answer comparable."""
    values = [[encode(value) for value in listed] for listed in (made.genomes, made.notes)]
    return (*values, dict(made.rejected), [tuple(own) for own in made.parents])


def _scores(found: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    return [
        (one.fitness, dict(one.metrics), one.error, one.info, encode(one.genome), one.cost)
        for one in found
    ]


def _recorded(found: Result[Any]) -> list[tuple[Any, ...]]:
    return [(one.id, encode(one.genome), one.outcome) for one in found.population]


def _stop(under_way: Any, individual: Individual[Any]) -> None:
    under_way.stop()


def _fitness(found: Result[Any]) -> list[float]:
    return [one.fitness for one in found.population]


@contextmanager
def _random_states_untouched() -> Iterator[None]:
    """Check that the code within draws from no state that is shared."""
    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
    yield
    assert (random.getstate(), repr(np.random.get_state())) == before  # noqa: NPY002


def _trace(flow: Flow | Search, problem: Problem[Any], jobs: int, last: bool = False) -> list[Any]:
    """Answer a flow's first jobs, the first or the last that is ready first; return all of them."""
    search = flow if isinstance(flow, Search) else Search(flow)
    fingerprints = Fingerprints(problem)
    ready = search.ask()
    trace: dict[int, Any] = {}
    while ready:
        ticket = ready.pop(-1 if last else 0)
        trace[ticket.id] = (*fingerprints.of(ticket.job), _answer(search, ticket, problem))
        if len(trace) < jobs:
            ready += search.ask()
    return [trace[number] for number in sorted(trace)]


def _answer(search: Search, ticket: Ticket, problem: Problem[Any]) -> list[Any]:
    """Do a job and tell the search; return what came of it, comparably."""
    job = ticket.job
    if isinstance(job, Vary):
        made = job.operator.vary(job.parents, job.n, job.seed)
        return [(one.id, one.parents, encode(one.genome)) for one in search.tell(ticket, made)]
    assert isinstance(job, Evaluate)
    found = list(problem.evaluate([one.genome for one in job.candidates], job.fidelity, job.seed))
    for place, outcome in enumerate(found):
        search.score(ticket, place, outcome)
    return _scores(found)
