"""A model that is a function: for tests, notebooks and dry runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from evollm.ledger import ledger
from evollm.llm.base import Completion, Mode, Price, Prompt
from evollm.llm.client.answers import Answer
from evollm.llm.client.billing import Billing, Reply
from evollm.llm.client.requests import Ask, Options, check
from evollm.llm.client.schemas import fault_of
from evollm.types import JSON


@dataclass
class Scripted:
    """Answers by a pure function; counts in a run's budgets and logs as an endpoint would.

    There is no cache, and the price is 0. An answer is cut at the first of the ``stop`` texts, and
    one that breaks the ``schema`` carries an error.

    Attributes:
        function: Called as ``function(prompt, sample, options)`` with the sample's index and all
            options of the request by name (``options["seed"]`` is this sample's own); returns the
            text or a whole ``Completion``.
        name: The model's name, as recorded.
    """

    function: Callable[[Prompt, int, Mapping[str, JSON]], str | Completion]
    name: str = "scripted"

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
        """Return ``n`` completions a prompt; see ``evollm.llm.base.LanguageModel``."""
        options = Options(
            temperature, max_tokens, schema, grammar, tuple(stop), mode, top_logprobs, seed
        )
        check(prompts, n, options)
        account = Billing(ledger.get(), Price(0.0, 0.0))
        return [
            [
                self._answer(account, Ask(self.name, "scripted", prompt, options, i))
                for i in range(n)
            ]
            for prompt in prompts
        ]

    def _answer(self, account: Billing, ask: Ask) -> Completion:
        reply = account.recall(ask)
        if reply is None:
            account.reserve(ask)
            try:
                reply = self._reply(ask)
            except BaseException as fault:
                account.record(ask, Reply(Answer(error=f"{fault!r}", definite=False), cost=0.0))
                raise
            account.record(ask, reply)
        return replace(reply.completion, key=ask.key)

    def _reply(self, ask: Ask) -> Reply:
        options = {**asdict(ask.options), "seed": ask.seed}
        said = self.function(ask.prompt, ask.sample, options)
        if isinstance(said, str):
            said = _told(said, ask)
        if said.error is None and ask.options.schema is not None:
            said = replace(said, error=fault_of(said.text, ask.options.schema))
        answer = Answer(
            said.text, said.error, said.prompt_tokens, said.completion_tokens, said.tokens
        )
        return Reply(answer, said.seconds, 0.0 if said.cost is None else said.cost)


def _told(text: str, ask: Ask) -> Completion:
    """Return a text as a completion, its words counted as its tokens."""
    for end in ask.options.stop:
        text = text.partition(end)[0]
    prompt = ask.prompt
    words = prompt if isinstance(prompt, str) else " ".join(part["content"] for part in prompt)
    spoken = min(len(text.split()), ask.options.max_tokens)
    return Completion(text, prompt_tokens=len(words.split()), completion_tokens=spoken)
