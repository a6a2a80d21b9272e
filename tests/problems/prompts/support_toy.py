"""A toy: one token per character, and a score that is a sum of the tokens' weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from problems.prompts.data.example import Example
from problems.prompts.data.splits import Splits
from problems.prompts.data.task import Task
from problems.prompts.data.template import Template
from problems.prompts.fitness import PromptFitness
from problems.prompts.readers.judging import Judge, Judged
from problems.prompts.readers.reader import Reader, Scores, Text, Written
from problems.prompts.tokens import Mode, Prompt

BASE, WEIGHTS = 50, {"a": 0, "b": -10, "c": 3, "d": 20, "e": -5, "f": 2}
SLOT = "{sentence_1}"


class Characters:
    """A tokenizer with a token per character, but one for the slot."""

    name = "characters"
    mask = ""

    def encode(self, text: str) -> list[tuple[int, int, int]]:
        """Return a token per character; the slot is one."""
        tokens, place = [], 0
        while place < len(text):
            size = len(SLOT) if text.startswith(SLOT, place) else 1
            tokens.append((0 if size > 1 else ord(text[place]), place, place + size))
            place += size
        return tokens

    def decode(self, ids: Sequence[int], clean: bool = False) -> str:
        """Return the text."""
        return "".join(chr(token) if token else SLOT for token in ids)


@dataclass
class Scripted:
    """A reader whose label scores are a function of the text; it counts what it reads."""

    answer: Callable[[Text], Sequence[float]] = lambda text: (1.0, 0.0)
    modes: tuple[Mode, ...] = ("text", "text_cleaned", "ids")
    masked: bool = False
    asks_model: bool = False
    name: str = "scripted"
    fingerprint: Mapping[str, Any] = field(default_factory=lambda: {"name": "scripted"})
    read: list[Text] = field(default_factory=list, metadata={"parameter": False})

    @property
    def tokenizer(self) -> Characters:
        """The toy's."""
        return Characters()

    def prepare(self) -> None:
        """Do nothing."""

    def check(
        self, texts: Sequence[Text], room: int, words: Sequence[str] = (), before: str = ""
    ) -> None:
        """Accept all."""

    def scores(self, texts: Sequence[Text], words: Sequence[str], before: str) -> Scores:
        """Return the scripted scores."""
        self.read += texts
        return Scores(np.array([self.answer(text) for text in texts]), sum(map(len, texts)))

    def write(
        self, texts: Sequence[Text], limits: Sequence[int], stop: Sequence[str], samples: int
    ) -> Written:
        """Return the text's end."""
        return Written([[str(text)[-1:]] * samples for text in texts], len(texts))


@dataclass
class Sums:
    """Scores a prompt by the weights of the letters that it keeps; remembers what it scored."""

    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    base: float = BASE
    room: int = 1
    scored: list[str] = field(default_factory=list, metadata={"parameter": False})

    def __call__(
        self, reader: Reader, task: Task, texts: Sequence[Text], examples: Sequence[Example]
    ) -> Judged:
        """Return one sum per example."""
        kept = str(texts[0]).rstrip("!")
        self.scored.append(kept)
        sums = np.full(len(texts), self.base + sum(self.weights[letter] for letter in kept))
        nothing = np.zeros(len(texts), dtype=np.bool_)
        values = {"reward": sums.astype(float), "accuracy": nothing, "ties": nothing}
        return Judged(values, 10 * len(texts))


def toy(judge: Judge | None = None, letters: str = "abcdef", **settings: Any) -> PromptFitness:
    """Return the problem of a prompt of letters before the slot."""
    task = Task("toy", "classification", ("no", "yes"), SLOT, splits=splits())
    reader = settings.pop("reader", None) or Scripted()
    prompt = Prompt.of(Template(letters + SLOT, ("sentence_1",), "toy"), reader.tokenizer)
    return PromptFitness(prompt, task, reader, judge=judge, **settings)


def splits(size: int = 2) -> Splits:
    """Return a few examples of each set, which all read ``!``, in distinct words."""
    number = iter(range(1000))

    def some(count: int) -> tuple[Example, ...]:
        return tuple(
            Example({"sentence_1": "!" * (1 + next(number))}, label % 2) for label in range(count)
        )

    return Splits(some(size), some(size), some(size), some(size))
