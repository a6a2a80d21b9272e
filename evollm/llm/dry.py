"""A model that only records its requests, for dry runs."""

from collections.abc import Sequence

from evollm.llm.base import Completion, LanguageModel, Price, Prompt, Sampling
from evollm.llm.client.requests import Ask, check


class DryRunModel:
    """Answers every prompt with an error, and sums upper bounds of tokens and cost.

    Args:
        name: Name of the model that it replaces.
        price: The price per million tokens; None if unknown.
        context: Maximum number of tokens per request; None if unknown.
        replaces: The model itself; None if there is none yet.
    """

    def __init__(
        self,
        name: str,
        price: Price | None,
        context: int | None = None,
        replaces: LanguageModel | None = None,
    ) -> None:
        self.name = name
        self.replaces = replaces
        self.price = price
        self.context = context
        self._asks: list[Ask] = []

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Record the prompts; see ``evollm.llm.base.LanguageModel``."""
        check(prompts, sampling, n)
        asks = [Ask(self.name, "dry", prompt, sampling, i) for prompt in prompts for i in range(n)]
        self._asks += asks
        return [[Completion("", error="a dry run")] * n for _ in prompts]

    @property
    def asks(self) -> Sequence[Ask]:
        """The recorded requests, in order."""
        return self._asks

    @property
    def tokens(self) -> int:
        """Upper bound of tokens, as a budget reserves them."""
        return sum(ask.most_tokens for ask in self.asks)

    @property
    def cost(self) -> float | None:
        """Upper bound of the cost; None if the price is unknown."""
        if self.price is None:
            return None
        costs = (self.price.cost(a.most_prompt_tokens, a.sampling.max_tokens) for a in self.asks)
        return sum(costs)

    @property
    def first(self) -> str:
        """The first prompt as text."""
        if not self.asks:
            return ""
        prompt = self.asks[0].prompt
        if isinstance(prompt, str):
            return prompt
        return "\n".join(message["content"] for message in prompt)
