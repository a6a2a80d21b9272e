"""The contract of flows as tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from evollm.runtime.budget import Budget
from evollm.runtime.loop import run
from evollm.search.fingerprint import Fingerprints
from evollm.search.flow import Evaluate, Flow, Vary
from evollm.search.search import Search, Ticket
from evollm.store.codec import encode
from evollm.testing.kits import random_states_untouched, recorded, scores_of
from evollm.types import Problem

FlowCase: TypeAlias = tuple[Callable[[int], Flow | Search], Problem[Any]]


class FlowKit:
    """Tests for any flow.

    The fixture ``case`` provides a function from a seed to a new flow or ``Search``, and a problem
    for it. The flow may be endless, as only its first jobs are checked. Set ``asynchronous`` for
    lanes that share a population, for which the order of the answers matters.
    """

    jobs = 40
    asynchronous = False

    def test_asks_the_same_jobs_again(self, case: FlowCase) -> None:
        """Depend only on the seed and the answers."""
        make, problem = case
        with random_states_untouched():
            first = _trace(make(1), problem, self.jobs)
        assert first == _trace(make(1), problem, self.jobs)
        assert first != _trace(make(2), problem, self.jobs)

    def test_does_not_mind_the_order_of_completion(self, case: FlowCase) -> None:
        """Ask the same jobs in whatever order simultaneous jobs are answered."""
        make, problem = case
        turned = _trace(make(1), problem, self.jobs, last=True)
        assert self.asynchronous or turned == _trace(make(1), problem, self.jobs)

    def test_resumes(self, case: FlowCase, tmp_path: Path) -> None:
        """Continue from a record as without interruption, even within a batch."""
        make, problem = case
        whole = run(make(1), problem, budget=Budget(evaluations=23))
        for evaluations in (1, 4, 11, 23):
            cut = run(make(1), problem, budget=Budget(evaluations=evaluations), path=tmp_path)
        assert recorded(cut) == recorded(whole)


def _trace(flow: Flow | Search, problem: Problem[Any], jobs: int, last: bool = False) -> list[Any]:
    """Answer a flow's first jobs in one of two orders; return all jobs."""
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
    """Do a job and tell the search; return a comparable result."""
    job = ticket.job
    if isinstance(job, Vary):
        made = job.operator.vary(job.parents, job.n, job.seed)
        return [(one.id, one.parents, encode(one.genome)) for one in search.tell(ticket, made)]
    assert isinstance(job, Evaluate)
    found = list(problem.evaluate([one.genome for one in job.candidates], job.fidelity, job.seed))
    for place, outcome in enumerate(found):
        search.score(ticket, place, outcome)
    return scores_of(found)
