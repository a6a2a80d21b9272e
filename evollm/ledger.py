"""The ledger: the interface by which language models account for the calls of a job."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from evollm.errors import EvollmError
from evollm.types import JSON


class Exhausted(EvollmError):
    """The budget has no room for the next model call; the run ends with the best so far.

    Attributes:
        dispensable: Set this to True when catching the error and continuing without the call.
            Otherwise the run stops even if an evaluation catches the error.
    """

    dispensable = False


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded answer of a model.

    Attributes:
        key: Hash of the whole request with the sample's index and the attempt's number.
        model: The model's name, as requested.
        request: The whole request as JSON: prompt or messages, and every option.
        answer: The completion as JSON, log-probabilities included; None if the call failed.
        error: Why the answer is unusable: a transport error, a truncation, a broken schema.
        prompt_tokens: As counted by the endpoint.
        completion_tokens: As counted by the endpoint.
        seconds: Seconds from the request to the answer, without waiting for rate limits.
        cost: Cost in the currency of the given prices; None if the price is unknown.
        cached: Whether the answer came from the cache, free of charge.
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
        """Return the recorded call of this job with this key; it is free and not counted."""
        ...

    def reserve(self, tokens: int, money: float | None) -> bool:
        """Reserve one call with at most this many tokens and this much money.

        Returns:
            False if it does not fit now but may fit after other calls in flight are settled: wait
                and
            ask again.

        Raises:
            Exhausted: If it can't fit any more, or if there is a money budget and ``money`` is
                None.
        """
        ...

    def record(self, call: Call, tokens: int, money: float | None) -> None:
        """Record the call and settle its reservation, which is given by the same two amounts."""
        ...


ledger: ContextVar[Ledger | None] = ContextVar("ledger", default=None)
"""The ledger of the job of this thread or task; None outside a run."""
