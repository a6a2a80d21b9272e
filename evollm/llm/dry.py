"""A model that only notes what it is asked: for dry runs."""

from collections.abc import Mapping, Sequence

from evollm.llm.base import Completion, Mode, Price, Prompt
from evollm.llm.client.requests import Ask, Options, check
from evollm.types import JSON


class DryRunModel:
    """Answers every prompt with an error, and adds up what the answers would take at most.

    Args:
        name: Of the model in whose place it stands.
        price: Of a million tokens; None if unknown.
        context: Tokens that a request may have; None if unknown.
    """

    def __init__(self, name: str, price: Price | None, context: int | None = None) -> None:
        self.name = name
        self.price = price
        self.context = context
        self._asks: list[Ask] = []

    def complete(
        self,
        prompts: Sequence[Prompt],
        *,
        n: int = 1,
        temperature: float = 1.0,
        max_tokens: int = 512,
        schema: Mapping[str, JSON] | None = None,
        grammar: str | None = None,
        stop: Sequence[str] = (),
        mode: Mode = "chat",
        top_logprobs: int = 0,
        seed: int | None = None,
    ) -> list[list[Completion]]:
        """Note the prompts; see ``evollm.llm.base.LanguageModel``."""
        options = Options(
            temperature, max_tokens, schema, grammar, tuple(stop), mode, top_logprobs, seed
        )
        check(prompts, n, options)
        asks = [Ask(self.name, "dry", prompt, options, i) for prompt in prompts for i in range(n)]
        self._asks += asks
        return [[Completion("", error="a dry run")] * n for _ in prompts]

    @property
    def asks(self) -> Sequence[Ask]:
        """What it was asked, in order."""
        return self._asks

    @property
    def tokens(self) -> int:
        """Tokens that the answers would take at most: a budget reserves as many."""
        return sum(ask.most_tokens for ask in self.asks)

    @property
    def cost(self) -> float | None:
        """Money that the answers would take at most; None if the price is unknown."""
        if self.price is None:
            return None
        costs = (self.price.cost(a.most_prompt_tokens, a.options.max_tokens) for a in self.asks)
        return sum(costs)

    @property
    def first(self) -> str:
        """The first prompt, as text."""
        if not self.asks:
            return ""
        prompt = self.asks[0].prompt
        if isinstance(prompt, str):
            return prompt
        return "\n".join(message["content"] for message in prompt)
