"""A model whose requests are timed and counted."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from evollm.llm.base import Completion, LanguageModel, Prompt, Sampling


@dataclass
class Timed:
    """A model whose requests are timed and counted.

    Attributes:
        model: The model.
        seconds: Of each request.
        answers: To each request.
        tokens: Generated for each answer.
    """

    model: LanguageModel
    seconds: list[float] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Ask the model."""
        began = time.perf_counter()
        found = self.model.complete(prompts, sampling, n)
        self.seconds.append(time.perf_counter() - began)
        self.answers.append(sum(map(len, found)))
        self.tokens += [one.completion_tokens for answers in found for one in answers]
        return found
