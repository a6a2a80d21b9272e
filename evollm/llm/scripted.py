"""A model that is a function, for tests and notebooks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from evollm.ledger import ledger
from evollm.llm.base import Completion, Price, Prompt, Sampling
from evollm.llm.client.answers import Answer
from evollm.llm.client.billing import Billing, Reply
from evollm.llm.client.requests import Ask, check
from evollm.llm.client.schemas import fault_of


@dataclass
class Scripted:
    """Answers with a pure function; its calls are budgeted and recorded like those of an endpoint.

    There is no cache, and the price is 0. An answer is cut at the first of the ``stop`` strings,
    and has an error if it breaks the ``schema``.

    Attributes:
        function: Called as ``function(prompt, sample, sampling)`` with the sample's index and the
            request's ``Sampling``, whose ``seed`` is that of this sample; returns a text or a
            ``Completion``.
        name: The model's name, as recorded.
    """

    function: Callable[[Prompt, int, Sampling], str | Completion]
    name: str = "scripted"

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Return ``n`` completions per prompt; see ``evollm.llm.base.LanguageModel``."""
        check(prompts, sampling, n)
        billing = Billing(ledger.get(), Price(0.0, 0.0))
        return [
            [
                self._answer(billing, Ask(self.name, "scripted", prompt, sampling, i))
                for i in range(n)
            ]
            for prompt in prompts
        ]

    def _answer(self, billing: Billing, ask: Ask) -> Completion:
        reply = billing.recall(ask)
        if reply is None:
            billing.reserve(ask)
            try:
                reply = self._reply(ask)
            except BaseException as fault:
                billing.record(ask, Reply(Answer(error=f"{fault!r}", definite=False), cost=0.0))
                raise
            billing.record(ask, reply)
        return replace(reply.completion, key=ask.key)

    def _reply(self, ask: Ask) -> Reply:
        completion = self.function(ask.prompt, ask.sample, replace(ask.sampling, seed=ask.seed))
        if isinstance(completion, str):
            completion = _as_completion(completion, ask)
        if completion.error is None and ask.sampling.schema is not None:
            completion = replace(completion, error=fault_of(completion.text, ask.sampling.schema))
        answer = Answer(
            completion.text,
            completion.error,
            completion.prompt_tokens,
            completion.completion_tokens,
            completion.tokens,
        )
        return Reply(answer, completion.seconds, completion.cost or 0.0)


def _as_completion(text: str, ask: Ask) -> Completion:
    """Return a text as a completion that counts words as tokens."""
    for end in ask.sampling.stop:
        text = text.partition(end)[0]
    prompt = ask.prompt
    words = prompt if isinstance(prompt, str) else " ".join(part["content"] for part in prompt)
    generated = min(len(text.split()), ask.sampling.max_tokens)
    return Completion(text, prompt_tokens=len(words.split()), completion_tokens=generated)
