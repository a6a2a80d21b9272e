"""The contracts of operators and problems as tests.

A kit is subclassed in a test module, with a pytest fixture that provides the object to test::

    class TestFlip(OperatorKit):
        @pytest.fixture
        def case(self):
            return Flip(0.1), [np.array([True, False]), np.array([False, False])]
"""

import copy
import pickle
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from evollm.executors.pickling import pickled
from evollm.runtime.result import Result
from evollm.store.codec import decode, encode
from evollm.types import Candidate, Individual, Offspring, Operator, Outcome, Problem

OperatorCase: TypeAlias = tuple[Operator[Any], Sequence[Any]]
ProblemCase: TypeAlias = tuple[Problem[Any], Sequence[Any], int | None]


class OperatorKit:
    """Tests for any operator.

    The fixture ``case`` provides an operator and the genomes of its parents, which may be empty. If
    the operator asks a model, that must be deterministic, like ``Scripted``.
    """

    def test_gives_at_most_what_is_asked(self, case: OperatorCase) -> None:
        """Make zero, one or many children, with a note and parents for each or for none."""
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
        """Make the same children again, also as a pickled copy."""
        operator, genomes = case
        copied = pickle.loads(pickled(operator, "the operator"))
        first = _frozen(operator.vary(_parents(genomes), 5, seed=3))
        assert first == _frozen(operator.vary(_parents(genomes), 5, seed=3))
        assert first == _frozen(copied.vary(_parents(genomes), 5, seed=3))

    def test_leaves_its_parents_alone(self, case: OperatorCase) -> None:
        """Neither change a parent's genome nor share a mutable one with a child."""
        operator, genomes = case
        parents = _parents(copy.deepcopy(genomes))
        before = [encode(parent.genome) for parent in parents]
        made = operator.vary(parents, 5, seed=4)
        assert [encode(parent.genome) for parent in parents] == before
        for child in made.genomes:
            if isinstance(child, np.ndarray):
                assert not any(np.shares_memory(child, parent.genome) for parent in parents)

    def test_draws_from_no_global_random_state(self, case: OperatorCase) -> None:
        """Neither use nor change global random states."""
        operator, genomes = case
        with random_states_untouched():
            first = _frozen(operator.vary(_parents(genomes), 5, seed=5))
        random.random()
        np.random.random()  # noqa: NPY002
        assert first == _frozen(operator.vary(_parents(genomes), 5, seed=5))

    def test_does_many_jobs_as_it_does_each(self, case: OperatorCase) -> None:
        """With ``elementwise = True``, make bit for bit the same children in joint jobs."""
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
        """Make genomes and notes that a record returns unchanged."""
        operator, genomes = case
        made = operator.vary(_parents(genomes), 5, seed=6)
        for value in (*made.genomes, *made.notes):
            stored = encode(value)
            again = decode(stored)
            assert type(again) is type(value)
            assert encode(again) == stored


class ProblemKit:
    """Tests for any problem.

    The fixture ``case`` provides a problem, a few genomes, and a fidelity or None.
    """

    def test_returns_one_outcome_a_genome(self, case: ProblemCase) -> None:
        """Score a batch, and an empty one."""
        problem, genomes, fidelity = case
        assert len(list(problem.evaluate(genomes, fidelity, 0))) == len(genomes)
        assert list(problem.evaluate([], fidelity, 0)) == []

    def test_is_pure_given_its_seed(self, case: ProblemCase) -> None:
        """Return the same scores again, and use no global random state."""
        problem, genomes, fidelity = case
        with random_states_untouched():
            first = scores_of(problem.evaluate(genomes, fidelity, 1))
        assert first == scores_of(problem.evaluate(genomes, fidelity, 1))

    def test_travels_to_workers(self, case: ProblemCase) -> None:
        """Return the same scores as a pickled copy."""
        problem, genomes, fidelity = case
        copied = pickle.loads(pickled(problem, "the problem"))
        first = scores_of(problem.evaluate(genomes, fidelity, 2))
        assert first == scores_of(copied.evaluate(genomes, fidelity, 2))

    def test_batches_can_be_cut_if_it_says_so(self, case: ProblemCase) -> None:
        """With ``elementwise = True``, score each genome independently of its batch."""
        problem, genomes, fidelity = case
        if getattr(problem, "elementwise", False):
            alone = [one for genome in genomes for one in problem.evaluate([genome], fidelity, 3)]
            assert scores_of(alone) == scores_of(problem.evaluate(genomes, fidelity, 3))

    def test_outcomes_can_be_recorded(self, case: ProblemCase) -> None:
        """Return only outcomes that a record can store."""
        problem, genomes, fidelity = case
        for outcome in problem.evaluate(genomes, fidelity, 4):
            assert isinstance(outcome, Outcome)
            for said in (outcome.info, outcome.genome):
                stored = encode(said)
                assert encode(decode(stored)) == stored


def _parents(genomes: Sequence[Any]) -> list[Individual[Any]]:
    """Return genomes as individuals, the first one being the fittest."""
    return [
        Individual(Candidate(i, genome, (), "given", 0), Outcome(float(-i)))
        for i, genome in enumerate(genomes)
    ]


def _frozen(made: Offspring[Any]) -> tuple[Any, ...]:
    """Return an operator's answer in comparable form."""
    values = [[encode(value) for value in listed] for listed in (made.genomes, made.notes)]
    return (*values, dict(made.rejected), [tuple(own) for own in made.parents])


def scores_of(found: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    """Return outcomes in comparable form."""
    return [
        (one.fitness, dict(one.metrics), one.error, one.info, encode(one.genome), one.cost)
        for one in found
    ]


def recorded(found: Result[Any]) -> list[tuple[Any, ...]]:
    """Return a record in comparable form."""
    return [(one.id, encode(one.genome), one.outcome) for one in found.population]


def fitness_of_all(found: Result[Any]) -> list[float]:
    """Return the fitness of each individual of the population."""
    return [one.fitness for one in found.population]


@contextmanager
def random_states_untouched() -> Iterator[None]:
    """Check that the code in the block uses no global random state."""
    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
    yield
    assert (random.getstate(), repr(np.random.get_state())) == before  # noqa: NPY002
