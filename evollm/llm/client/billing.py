"""Billing: reserves and records calls in the run's ledger, and recalls earlier ones."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from evollm.ledger import Call, Ledger
from evollm.llm.base import Completion, Price
from evollm.llm.client.answers import Answer
from evollm.llm.client.requests import Ask

POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to one request.

    Attributes:
        answer: The server's answer; without text and with an error if there is none.
        seconds: Seconds from the request to the reply.
        cost: Money paid; None if unknown.
        cached: Whether it came from the cache.
    """

    answer: Answer
    seconds: float = 0.0
    cost: float | None = None
    cached: bool = False

    @property
    def completion(self) -> Completion:
        """The reply as a completion."""
        return self.answer.completion(self.seconds, self.cost, self.cached)


@dataclass(frozen=True, slots=True)
class Billing:
    """Accounts for one call of ``complete`` in the run, if it is part of one.

    Attributes:
        book: The job's ledger; None outside a run.
        price: The price per million tokens; None if unknown.
    """

    book: Ledger | None
    price: Price | None

    def recall(self, ask: Ask) -> Reply | None:
        """Return an earlier reply to this job, free of charge; a failed call is repeated."""
        call = self.book.recall(ask.key) if self.book else None
        if call is None or call.answer is None:
            return None
        return Reply(Answer.from_json(call.answer), call.seconds, call.cost, call.cached)

    def reserve(self, ask: Ask, wait: Callable[[], None] = lambda: time.sleep(POLL_S)) -> None:
        """Reserve one call; wait while calls in flight may still free room for it.

        Raises:
            Exhausted: If the budget has no room.
        """
        if self.book is None:
            return
        while not self.book.reserve(ask.most_tokens, self._most_money(ask)):
            wait()

    def record(self, ask: Ask, reply: Reply) -> None:
        """Record the call and settle its reservation."""
        if self.book is None:
            return
        answer = reply.answer
        call = Call(
            key=ask.key,
            model=ask.model,
            request=ask.request,
            answer=answer.as_json() if answer.definite else None,
            error=answer.error,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=reply.seconds,
            cost=reply.cost,
            cached=reply.cached,
        )
        self.book.record(call, ask.most_tokens, self._most_money(ask))

    def cost(self, answer: Answer) -> float | None:
        """Return the cost of an answer; None if the price is unknown."""
        if self.price is None:
            return None
        return self.price.cost(answer.prompt_tokens, answer.completion_tokens)

    def _most_money(self, ask: Ask) -> float | None:
        if self.price is None:
            return None
        return self.price.cost(ask.most_prompt_tokens, ask.sampling.max_tokens)


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of calls, tokens and money.

    Attributes:
        calls: Answers, including cached and failed ones and probes.
        cached: Answers from the cache.
        failed: Answers with an error.
        prompt_tokens: Prompt tokens of the answers that were not cached.
        completion_tokens: Generated tokens of the answers that were not cached.
        cached_tokens: Prompt and generated tokens of the cached answers.
        cost: Money paid; None if the price of an answer is unknown.
    """

    calls: int = 0
    cached: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = 0.0

    def plus(self, reply: Reply) -> "Usage":
        """Return the usage including one more reply."""
        answer, fresh = reply.answer, not reply.cached
        known = self.cost is not None and reply.cost is not None
        return Usage(
            calls=self.calls + 1,
            cached=self.cached + reply.cached,
            failed=self.failed + (answer.error is not None),
            prompt_tokens=self.prompt_tokens + fresh * answer.prompt_tokens,
            completion_tokens=self.completion_tokens + fresh * answer.completion_tokens,
            cached_tokens=self.cached_tokens
            + reply.cached * (answer.prompt_tokens + answer.completion_tokens),
            cost=self.cost + reply.cost if known else None,  # type: ignore[operator]
        )
