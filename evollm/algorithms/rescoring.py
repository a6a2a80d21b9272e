"""Rescoring: the best individuals of a noisy search are evaluated again, and scores averaged."""

from collections.abc import Generator, Sequence
from typing import Any

from evollm.algorithms.selection import best
from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.evaluation.noise import mean_outcome
from evollm.search.flow import Evaluate, Flow, Job, Survivors, draw_seed, evaluate, seeded
from evollm.search.search import Search
from evollm.types import Individual, Outcome

_ENOUGH = 5
"""Number of evaluations after which an individual may be the best instead of others with more."""


def rescored(flow: Flow, *, elite: int, seed: int) -> Flow:
    """Run a flow on a noisy problem without keeping a lucky score for ever.

    After every evaluation of new individuals, the best so far are evaluated once more, each time
    with another seed, and count with the mean of all their scores (see
    ``evollm.evaluation.noise.mean_outcome``). The flow gets these means for the individuals that
    it has just evaluated, and for its survivors if it announces them (see
    ``evollm.search.flow.survive``), and the search's best is the one with the best mean of
    at least five evaluations (fewer as long as none has five). The evaluations count in every
    budget, as any others.

    Args:
        flow: A flow that evaluates each individual once, such as ``generational`` or ``nsga2``.
        elite: Number of best individuals that are evaluated again each time.
        seed: Fixes the seeds of these evaluations.

    Raises:
        EvollmError: If it is not a flow: asynchronous algorithms return a ``Search``.
    """
    positive(elite=elite)
    if isinstance(flow, Search):
        raise EvollmError(
            "rescored takes a flow such as generational(...), not a Search of several lanes"
        )
    return _Rescoring(elite, seed).run(flow)


class _Rescoring:
    """The outcomes so far, and the best individuals with their means."""

    def __init__(self, elite: int, seed: int) -> None:
        self._elite = elite
        self._rng = seeded(seed, 1)
        self._outcomes: dict[int, list[Outcome]] = {}
        self._best: list[Individual[Any]] = []

    def run(self, flow: Flow) -> Flow:
        """Answer a flow's jobs with means."""
        answer: Any = None
        while True:
            try:
                asked = flow.send(answer)
            except StopIteration as end:
                return end.value
            if isinstance(asked, Survivors):
                answer = [self._mean(one) for one in asked.population]
                yield Survivors(answer, asked.step, asked.best or self._first)
            elif isinstance(asked, Evaluate):
                answer = yield from self._evaluated(asked)
            else:
                answer = yield asked

    @property
    def _first(self) -> Individual[Any] | None:
        """The best of those that were evaluated often enough for their mean to be trusted."""
        counts = {one.id: len(self._outcomes[one.id]) for one in self._best}
        enough = min(_ENOUGH, max(counts.values(), default=0))
        return next((one for one in self._best if counts[one.id] >= enough), None)

    def _evaluated(self, job: Evaluate[Any]) -> Generator[Any, Any, list[Individual[Any]]]:
        """Evaluate what a flow asked for and the best again; announce the best."""
        scored = yield job
        self._add(scored)
        yield from self._again(scored, job)
        means = [self._mean(one) for one in scored]
        yield Survivors(means, job.step, self._first)
        return means

    def _again(
        self, scored: Sequence[Individual[Any]], job: Evaluate[Any]
    ) -> Generator[Job, Any, None]:
        """Evaluate the best once more; those that fall behind by it are no longer the best."""
        known = {one.id: one for one in [*self._best, *scored] if one.outcome.error is None}
        pool = best([self._mean(one) for one in known.values()], self._elite, self._rng)
        again = yield from evaluate(
            pool, job.fidelity, draw_seed(self._rng), job.step, job.context, job.rung
        )
        self._add(again)
        everyone = [self._mean(one) for one in known.values()]
        self._best = best(everyone, 2 * self._elite, self._rng)

    def _add(self, scored: Sequence[Individual[Any]]) -> None:
        for one in scored:
            self._outcomes.setdefault(one.id, []).append(one.outcome)

    def _mean(self, one: Individual[Any]) -> Individual[Any]:
        """Return an individual with the mean of its outcomes so far."""
        outcomes = self._outcomes.get(one.id, [one.outcome])
        return Individual(one.candidate, mean_outcome(outcomes), one.fidelity)
