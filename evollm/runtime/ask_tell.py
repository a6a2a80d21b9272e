"""Ask and tell: the user's own loop evaluates, with budgets, record and resume as in ``run``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evollm.closing import Closing
from evollm.errors import EvollmError
from evollm.executors.base import Done
from evollm.executors.scoring import Chunk, Scores
from evollm.runtime.budget import Budget
from evollm.runtime.loop import begin, result
from evollm.runtime.result import Result
from evollm.search.flow import Flow
from evollm.search.search import Search
from evollm.store.record import Record
from evollm.types import JSON, Candidate, Outcome, Problem
from evollm.units import Words


class _Outside:
    """The executor whose worker is the user: it only remembers what was asked."""

    workers = 2**31
    chunk: int | None = 1

    def __init__(self) -> None:
        self.asked: list[tuple[Chunk, Done]] = []

    def start(self, problem: Problem[Any]) -> None:
        pass

    def submit(self, chunk: Chunk, done: Done) -> None:
        self.asked.append((chunk, done))

    def step(self) -> bool:
        return False

    def halt(self) -> None:
        pass

    def close(self, wait: bool = True) -> None:
        pass


class _Elsewhere:
    """The problem of a run whose evaluations happen elsewhere."""

    name = "ask and tell"

    def evaluate(
        self, genomes: Sequence[Any], fidelity: int | None, seed: int
    ) -> Sequence[Outcome]:
        raise EvollmError("the evaluations of this run are told, not made")


class AskTell(Closing):
    """A search that proposes candidates and is told their fitness.

    ::

        search = AskTell(flow, budget=Budget(evaluations=200))
        while not search.stop():
            candidates = search.ask()
            search.tell(candidates, [f(candidate.genome) for candidate in candidates])

    Candidates may be told in any order, over several calls, and not all before asking again. With a
    path, a run that was cut short goes on from what had been told.

    Args:
        search: A flow, or a search made of several lanes.
        budget: What ends the run.
        path: The run directory; None for a temporary record.
        config: Kept in the record's head.
        enqueue: Known genomes, which take the first places of the initial population.
        words: How values and genomes are shown in reports: a ``System``; None for plain ones.
    """

    def __init__(
        self,
        search: Search | Flow,
        *,
        budget: Budget | None = None,
        path: str | Path | None = None,
        config: Mapping[str, JSON] | None = None,
        enqueue: Sequence[Any] = (),
        words: Words | None = None,
    ) -> None:
        self._closed = False
        self._outside = _Outside()
        self._record = Record(path)
        self._problem = _Elsewhere()
        search = search if isinstance(search, Search) else Search(search)
        try:
            search.enqueue(enqueue) if len(enqueue) else None
            parts = (search, self._problem, self._outside, self._record, config, budget)
            self._run = begin(*parts, words=words)
        except BaseException:
            self._record.close()
            raise
        self._waiting: dict[int, list[tuple[Candidate[Any], Chunk, Done]]] = {}

    def ask(self) -> list[Candidate[Any]]:
        """Return all candidates without an outcome, oldest first; make new ones if there are none.

        Returns:
            An empty list once the search has stopped.

        Raises:
            EvollmError: If an operator fails or breaks its contract, or the search is closed; what
                an operator raises passes through.
        """
        self._check_open()
        while not self._waiting and not self._run.finished:
            self._advance(None)
            if not self._waiting and self._run.active:
                self._advance(0.05)
        return [candidate for asked in self._waiting.values() for candidate, _, _ in asked]

    def _check_open(self) -> None:
        if self._closed:
            raise EvollmError("this search is closed: make a new one with its path to go on")

    def _advance(self, seconds: float | None) -> None:
        """Advance the run as far as it can go without the user."""
        self._run.advance(seconds)
        self._run.check()
        for chunk, done in self._outside.asked:
            candidate = self._run.candidates(chunk)[0]
            self._waiting.setdefault(candidate.id, []).append((candidate, chunk, done))
        self._outside.asked.clear()

    def tell(
        self, candidates: Sequence[Candidate[Any]], outcomes: Sequence[Outcome | float]
    ) -> None:
        """Tell the outcomes of some candidates.

        Args:
            candidates: Of those that ``ask`` returned.
            outcomes: One a candidate: a fitness (larger is better; NaN is a failure), or an
                ``Outcome``.

        Raises:
            EvollmError: If they are no lists of the same length, a candidate doesn't wait, or an
                outcome is no number: then nothing is told. Or if the search can't go on.
        """
        self._check_open()
        scored = [_outcome(*pair) for pair in pairs("candidate", candidates, "outcome", outcomes)]
        for number, times in Counter(candidate.id for candidate in candidates).items():
            if times > len(self._waiting.get(number, ())):
                raise EvollmError(
                    f"candidate {number} doesn't wait to be told: it was told, or never asked"
                )
        for candidate, outcome in zip(candidates, scored, strict=True):
            asked = self._waiting[candidate.id]
            _, chunk, done = asked.pop(0)
            if not asked:
                del self._waiting[candidate.id]
            done(chunk, Scores([outcome]))
        self._advance(None)

    def stop(self) -> dict[str, float]:
        """Return the reasons to stop, by name; empty means go on.

        Returns:
            The limits of the budget that are reached, by the names of its fields; ``{"end": 1.0}``
            if the algorithm ended otherwise. ``result.stopped`` has the sentence.
        """
        if self._run.stopped and not self._waiting:
            return self._run.reasons() or {"end": 1.0}
        return {}

    @property
    def result(self) -> Result[Any]:
        """What has been found so far."""
        return result(self._run)

    def close(self) -> None:
        """Close the run directory; a later run resumes from what was told."""
        if self._closed:
            return
        self._closed = True
        try:
            self._run.close()
        finally:
            self._record.close()


def pairs(
    what: str, things: Sequence[Any], told: str, values: Sequence[Any]
) -> list[tuple[Any, Any]]:
    """Pair what is told with its candidates.

    Args:
        what: What one thing is called in an error.
        things: What is told of.
        told: What one value is called in an error.
        values: One a thing.

    Raises:
        EvollmError: If they are no lists of the same length.
    """
    try:
        sizes = len(things), len(values)
    except TypeError:
        sizes = None
    if sizes is None or isinstance(things, Mapping | str) or isinstance(values, Mapping | str):
        raise EvollmError(f"tell takes two lists: tell([{what}], [{told}]) for a single {what}")
    if sizes[0] != sizes[1]:
        raise EvollmError(f"{sizes[0]} {what}s but {sizes[1]} {told}s: tell one each")
    return list(zip(things, values, strict=True))


def _outcome(candidate: Candidate[Any], outcome: Outcome | float) -> Outcome:
    """Return what was told about a candidate as an outcome."""
    if isinstance(outcome, Outcome):
        return outcome
    try:
        return Outcome(outcome)
    except (TypeError, ValueError):
        raise EvollmError(
            f"candidate {candidate.id} can't be worth {outcome!r}: tell a number or an Outcome"
        ) from None
