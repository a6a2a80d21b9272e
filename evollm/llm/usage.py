"""What an endpoint object was used for."""

from dataclasses import dataclass

from evollm.llm.accounts import Reply


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of calls, tokens and money.

    Attributes:
        calls: Answers given, cached and failed ones included, probes too.
        cached: Those from the cache.
        failed: Those with an error.
        prompt_tokens: Of the answers that were not cached.
        completion_tokens: Of the answers that were not cached.
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
        """Return the usage with one more reply."""
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
