"""The account of one job: the ledger through which its calls are reserved and recorded."""

from dataclasses import dataclass

from evollm.ledger import Call
from evollm.runtime.budget import Meter
from evollm.store.record import Record


@dataclass(frozen=True, slots=True)
class JobLedger:
    """One job's ledger; see ``evollm.ledger.Ledger``.

    Attributes:
        job: The job's id.
        meter: Enforces the run's budget.
        book: Where calls are recorded.
    """

    job: int
    meter: Meter
    book: Record

    def recall(self, key: str) -> Call | None:
        """Return the call that this run has recorded for the job and key, if any."""
        return self.book.recall(self.job, key)

    def reserve(self, tokens: int, money: float | None) -> bool:
        """Reserve one call."""
        return self.meter.reserve(tokens, money)

    def record(self, call: Call, tokens: int, money: float | None) -> None:
        """Record the call and settle its reservation."""
        self.book.call(self.job, call)
        self.meter.settle(call, tokens, money)
