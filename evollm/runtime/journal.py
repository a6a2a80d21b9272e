"""The journal: writes a run's jobs and answers into its record, and replays them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from evollm.errors import EvollmError
from evollm.runtime.causes import explained
from evollm.runtime.intake import Intake
from evollm.runtime.yields import Yields
from evollm.search.fingerprint import Fingerprints
from evollm.search.flow import Evaluate, Vary
from evollm.search.search import Search, Ticket, check
from evollm.store import queries
from evollm.store.record import Record
from evollm.types import (
    Individual,
    NothingUsable,
    Offspring,
    Outcome,
    Parent,
    Problem,
    evaluated,
    name_of,
)


class Journal:
    """Writes a run's jobs and answers into its record, and replays them.

    Args:
        record: The run's record.
        problem: What scores genomes.
        write: Formats an individual's genome for readers; None to record no text.

    Attributes:
        answers: Number of complete answers on record.
    """

    def __init__(
        self,
        record: Record,
        problem: Problem[Any],
        write: Callable[[Individual[Any]], str] | None = None,
    ) -> None:
        self.answers = 0
        self._record = record
        self._text = write
        self._fingerprints = Fingerprints(problem)
        self._intake = Intake()
        self._yields = Yields(record)

    def replay(
        self, search: Search, answered: Callable[[], object]
    ) -> Iterator[tuple[Ticket, dict[int, Outcome]]]:
        """Feed the complete answers to the search in their order, then yield the open jobs.

        Args:
            search: A search that has not been run yet.
            answered: Called after each complete answer.

        Yields:
            Each open job with the outcomes that are on record, by place.

        Raises:
            EvollmError: If the search asks for a job other than the recorded one.
        """
        waiting: dict[int, Ticket] = {}
        for number, fingerprint in list(queries.answered(self._record)):
            waiting |= {ticket.id: ticket for ticket in search.ask()}
            ticket = waiting.pop(number, None)
            if ticket is None or self._fingerprints.of(ticket.job)[1] != fingerprint:
                raise self._differs(number)
            self._answer(search, ticket)
            self.answers += 1
            answered()
        for ticket in [*waiting.values(), *search.ask()]:
            recorded = queries.fingerprint(self._record, ticket.id)
            if recorded not in (None, self._fingerprints.of(ticket.job)[1]):
                raise self._differs(ticket.id)
            yield ticket, dict(queries.outcomes(self._record, ticket))

    def _answer(self, search: Search, ticket: Ticket) -> None:
        """Tell the search the recorded answer to a job."""
        if not isinstance(ticket.job, Vary):
            for place, outcome in queries.outcomes(self._record, ticket):
                search.score(ticket, place, outcome)
            return
        try:
            search.tell(ticket, queries.offspring(self._record, ticket))
        except NothingUsable as error:
            raise explained(error, self._record) from None

    def _differs(self, number: int) -> EvollmError:
        """Return the error that the record belongs to another search."""
        kind, name, step = queries.job(self._record, number)
        return EvollmError(
            f"the record in {self._record.path} belongs to another search: job {number}, which was "
            f"{kind} by {name} in step {step}, is a different one now; resume with the same "
            "settings and seed, or choose a new folder"
        )

    def ask(self, ticket: Ticket) -> None:
        """Record a job."""
        name, fingerprint = self._fingerprints.of(ticket.job)
        self._record.ask(ticket, name, fingerprint)

    def children(self, ticket: Ticket, offspring: Offspring[Any]) -> Offspring[Any]:
        """Record an operator's answer, and return it as recorded.

        Raises:
            EvollmError: If the answer breaks the contract of operators; then nothing is recorded.
        """
        assert isinstance(ticket.job, Vary)
        name = name_of(ticket.job.operator)
        check(ticket, offspring)
        offspring = self._intake.offspring(offspring, name)
        self._record.children(ticket, offspring)
        self.complete(ticket, offspring)
        self._yields.note(name, ticket.job.n, len(offspring.genomes))
        return offspring

    def outcomes(
        self, ticket: Ticket, outcomes: Sequence[tuple[int, Outcome]]
    ) -> list[tuple[int, Outcome]]:
        """Record some of a job's outcomes by place, and return them as recorded."""
        assert isinstance(ticket.job, Evaluate)
        found = [(place, self._intake.outcome(outcome)) for place, outcome in outcomes]
        for place, outcome in found:
            parent = ticket.job.candidates[place]
            self._record.outcome(ticket, place, parent.id, outcome, self._written(parent, outcome))
        return found

    def _written(self, parent: Parent[Any], outcome: Outcome) -> str | None:
        if self._text is None:
            return None
        return self._text(Individual(evaluated(parent, outcome), outcome))

    def complete(self, ticket: Ticket, offspring: Offspring[Any] | None = None) -> None:
        """Record that the answer to a job is complete, and its position among the answers."""
        self._record.answered(ticket, self.answers, offspring)
        self.answers += 1

    def close(self) -> None:
        """Warn about operators that made no children."""
        self._yields.close()
