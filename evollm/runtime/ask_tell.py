"""Ask and tell: a search whose evaluations are made in the user's own loop."""

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
    """An executor for evaluations made by the user: it only remembers the chunks."""

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
    """The problem of a run whose evaluations are made elsewhere."""

    name = "ask and tell"

    def evaluate(
        self, genomes: Sequence[Any], fidelity: int | None, seed: int
    ) -> Sequence[Outcome]:
        raise EvollmError("this run can't evaluate genomes: tell their outcomes")


class AskTell(Closing):
    """A search that proposes candidates and is told their fitness, with budgets and resume.

    ::

        search = AskTell(flow, budget=Budget(evaluations=200))
        while not search.stop():
            candidates = search.ask()
            search.tell(candidates, [f(candidate.genome) for candidate in candidates])

    Outcomes may be told in any order, over several calls, and some of them after the next ``ask``.
    With a path, a run that was interrupted continues from the outcomes that had been told.

    Args:
        search: A flow, or a search of several lanes.
        budget: What ends the run.
        path: The run directory; None for a temporary record.
        config: Stored at the head of the record.
        enqueue: Known genomes that are the first ones of the initial population.
        words: A ``System`` that formats values and genomes in reports; None for plain formats.
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
            EvollmError: If an operator breaks its contract, or the search is closed. An operator's
                own exceptions are passed on.
        """
        self._check_open()
        while not self._waiting and not self._run.finished:
            self._advance(None)
            if not self._waiting and self._run.active:
                self._advance(0.05)
        return [candidate for asked in self._waiting.values() for candidate, _, _ in asked]

    def _check_open(self) -> None:
        if self._closed:
            raise EvollmError("this search is closed: make a new one with its path to continue")

    def _advance(self, seconds: float | None) -> None:
        """Advance the run as far as possible without further outcomes."""
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
            candidates: Some of the candidates that ``ask`` returned.
            outcomes: One per candidate: a fitness (larger is better; NaN is a failure), or an
                ``Outcome``.

        Raises:
            EvollmError: If the arguments are not lists of the same length, a candidate is not
                waiting for an outcome, or an outcome is not a number; then none of them is told.
                Also if the search can't continue.
        """
        self._check_open()
        scored = [_outcome(*pair) for pair in pairs("candidate", candidates, "outcome", outcomes)]
        for number, times in Counter(candidate.id for candidate in candidates).items():
            if times > len(self._waiting.get(number, ())):
                raise EvollmError(
                    f"candidate {number} is not waiting for an outcome: tell only candidates that "
                    "ask returned, and each once"
                )
        for candidate, outcome in zip(candidates, scored, strict=True):
            asked = self._waiting[candidate.id]
            _, chunk, done = asked.pop(0)
            if not asked:
                del self._waiting[candidate.id]
            done(chunk, Scores([outcome]))
        self._advance(None)

    def stop(self) -> dict[str, float]:
        """Return the reasons to stop, by name; empty means continue.

        Returns:
            The limits of the budget that are reached, by the names of its fields, or
            ``{"end": 1.0}`` if the algorithm ended otherwise. ``result.stopped`` is the reason as
            text.
        """
        if self._run.stopped and not self._waiting:
            return self._run.reasons() or {"end": 1.0}
        return {}

    @property
    def result(self) -> Result[Any]:
        """The result so far."""
        return result(self._run)

    def close(self) -> None:
        """Close the run directory; a later run resumes from the outcomes that were told."""
        if self._closed:
            return
        self._closed = True
        try:
            self._run.close()
        finally:
            self._record.close()


def pairs(
    what: str, things: Sequence[Any], value: str, values: Sequence[Any]
) -> list[tuple[Any, Any]]:
    """Pair candidates with the values that are told about them.

    Args:
        what: What a candidate is called in an error.
        things: The candidates.
        value: What a value is called in an error.
        values: One per candidate.

    Raises:
        EvollmError: If they are not lists of the same length.
    """
    try:
        sizes = len(things), len(values)
    except TypeError:
        sizes = None
    if sizes is None or isinstance(things, Mapping | str) or isinstance(values, Mapping | str):
        raise EvollmError(
            f"tell takes two lists: write tell([{what}], [{value}]) for a single {what}"
        )
    if sizes[0] != sizes[1]:
        raise EvollmError(
            f"{sizes[0]} {what}s but {sizes[1]} {value}s: give one {value} per {what}"
        )
    return list(zip(things, values, strict=True))


def _outcome(candidate: Candidate[Any], outcome: Outcome | float) -> Outcome:
    """Return the told value of a candidate as an outcome."""
    if isinstance(outcome, Outcome):
        return outcome
    try:
        return Outcome(outcome)
    except (TypeError, ValueError):
        raise EvollmError(
            f"the outcome of candidate {candidate.id} can't be {outcome!r}: tell a number or an "
            "Outcome"
        ) from None
