"""The ledger: how the model layer accounts for the calls of a job, without knowing the engine."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from evollm.errors import EvollmError
from evollm.types import JSON


class Exhausted(EvollmError):
    """A budget leaves no room for the next piece of work; the run ends with the best so far.

    Attributes:
        dispensable: Set to True by whoever catches the error and goes on without the call. Without
            that the run stops even where an evaluation catches it, together with other exceptions.
    """

    dispensable = False


@dataclass(frozen=True, slots=True)
class Call:
    """One answer of a model, as the run records it.

    Attributes:
        key: Hash of the whole request with the sample's index and the attempt's number.
        model: The model's name, as requested.
        request: The whole request as JSON: prompt or messages, and every option.
        answer: The completion as JSON, log-probabilities included; None if the call failed.
        error: Why the answer is unusable: a transport error, a truncation, a broken schema.
        prompt_tokens: As counted by the endpoint.
        completion_tokens: As counted by the endpoint.
        seconds: From asking to having the answer, waiting for rate limits apart.
        cost: In the currency of the prices given; None if the price is unknown.
        cached: Whether the answer came from the cache; then nothing was paid for it now.
    """

    key: str
    model: str
    request: Mapping[str, JSON]
    answer: Mapping[str, JSON] | None
    error: str | None
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cost: float | None
    cached: bool


class Ledger(Protocol):
    """One job's account with the run: calls are reserved, then settled by recording them.

    All methods may be called from any thread.
    """

    def recall(self, key: str) -> Call | None:
        """Return what this run has recorded for this job and key; it is free and uncounted."""
        ...

    def reserve(self, tokens: int, money: float | None) -> bool:
        """Reserve one call with at most this many tokens and this much money.

        Returns:
            False if it does not fit now but may once other calls in flight have settled: wait and
            ask again.

        Raises:
            Exhausted: If it can't fit any more, or if a money budget is set and ``money`` is None.
        """
        ...

    def record(self, call: Call, tokens: int, money: float | None) -> None:
        """Record the call at once and settle its reservation, named by the same two amounts."""
        ...


ledger: ContextVar[Ledger | None] = ContextVar("ledger", default=None)
"""The account of the job that this thread or task works on; None outside a run."""
