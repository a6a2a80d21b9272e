"""Finals: the evaluation of a few finalists after the search has stopped."""

import queue
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Generic

from evollm.executors.base import Executor
from evollm.executors.scoring import Chunk, Scores
from evollm.functions import prepare
from evollm.runtime.accounts import JobLedger
from evollm.runtime.budget import Budget, Meter, Usage
from evollm.runtime.evaluations import EvaluationQueue
from evollm.search.flow import Evaluate
from evollm.search.search import Ticket
from evollm.store import queries
from evollm.store.record import Record
from evollm.types import G, Individual, Problem, candidate_of


@dataclass(frozen=True, slots=True)
class Finalists(Generic[G]):
    """Which individuals are scored once more after the search, and how.

    Attributes:
        candidates: The individuals.
        fidelity: The rung at which they are scored, such as validation rows or held-out text.
        seed: Fixes the data that all of them are scored on.
        problem: The problem that scores them; None for the search's own.
    """

    candidates: Sequence[Individual[G]] = ()
    fidelity: int | None = None
    seed: int = 0
    problem: Problem[G] | None = None


def score(
    finalists: Finalists[G], problem: Problem[G], executor: Executor, record: Record
) -> list[Individual[G]]:
    """Score the finalists whose scores are not in the record yet.

    Each outcome is recorded as it arrives, so that after a kill at most the evaluations in progress
    are repeated.

    Args:
        finalists: The individuals and how to score them.
        problem: The problem that scores them unless the finalists name another one.
        executor: Where they are evaluated; it is started and closed here.
        record: The run's record.

    Returns:
        The finalists in their order, with the new outcomes.

    Raises:
        EvollmError: If the problem breaks its contract.
    """
    if not finalists.candidates:
        return []
    job = Evaluate(finalists.candidates, finalists.fidelity, finalists.seed)
    known = queries.finals(record, finalists.fidelity, finalists.seed)
    missing = [one for one in job.candidates if one.id not in known]
    if missing:
        prepare(finalists.problem)
        _evaluate(
            Evaluate(missing, job.fidelity, job.seed),
            finalists.problem or problem,
            executor,
            record,
        )
        known = queries.finals(record, finalists.fidelity, finalists.seed)
    return [Individual(candidate_of(one), known[one.id], job.fidelity) for one in job.candidates]


def _evaluate(
    job: Evaluate[Any], problem: Problem[Any], executor: Executor, record: Record
) -> None:
    """Send one job to the workers, and record its outcomes."""
    arrived: queue.SimpleQueue[tuple[Chunk, Scores | BaseException]] = queue.SimpleQueue()
    ticket = Ticket(queries.FINALS, 0, job, 0, [None] * len(job.candidates), len(job.candidates))
    meter = Meter(Budget(), Usage())  # not counted in the search's budget
    evaluations = EvaluationQueue(
        problem,
        executor,
        lambda *done: arrived.put(done),
        lambda job: JobLedger(job, meter, record),
    )
    evaluations.add(ticket, ())
    whole = complete = False
    executor.start(problem)
    try:
        while not complete:
            evaluations.send(inf)
            executor.step()
            chunk, scores = arrived.get()
            if isinstance(scores, BaseException):
                raise scores
            found, complete = evaluations.take(chunk, scores)
            for place, outcome in found:
                record.final(job.candidates[place].id, job.fidelity, job.seed, outcome)
            record.commit()
        whole = True
    finally:
        executor.close(whole)
