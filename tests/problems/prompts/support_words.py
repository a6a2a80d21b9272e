"""A scripted reader whose answers depend on the words of the prompt, and a task for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evollm import EvollmError
from problems.prompts.data.example import Example
from problems.prompts.data.splits import Splits
from problems.prompts.data.task import Task
from problems.prompts.methods.method import Method
from problems.prompts.readers.reader import Scores, Text, Written
from problems.prompts.system import PromptQuine
from problems.prompts.tokens import Mode

GOOD, BAD = ("fine", "lovely", "bright", "warm"), ("dull", "grim", "flat", "cold")
DEMONSTRATION = "Note: the food was lovely\nMood: great\n\n"
BLOCK = "Note: {sentence_1}\nMood:"


class Words:
    """A tokenizer with a token per word, with the blank before it, per mark and per line break.

    A vertical bar is a token that stands for nothing.
    """

    name = "words"
    mask = ""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._words: list[str] = []

    def encode(self, text: str) -> list[tuple[int, int, int]]:
        """Return the tokens with their characters."""
        return [
            (self._id(found[0]), found.start(), found.end())
            for found in re.finditer(r" ?\{\w+\}| ?\w+|\n|[^\w\n]", text)
        ]

    def decode(self, ids: Sequence[int], clean: bool = False) -> str:
        """Return the text."""
        return "".join(self._words[token] for token in ids).replace("|", "")

    def _id(self, word: str) -> int:
        if word not in self._ids:
            self._ids[word] = len(self._words)
            self._words.append(word)
        return self._ids[word]


WORDS = Words()


@dataclass
class Moody:
    """Takes a text's last note for good or bad by its words; a prompt about food distracts it.

    Of 20 texts or more it leaves out labels of as many as it is told to.
    """

    name: str = "moody"
    digest: str = "1234"
    missing: int = 0
    asks_model: ClassVar[bool] = False
    masked: ClassVar[bool] = False
    modes: ClassVar[tuple[Mode, ...]] = ("text", "text_cleaned", "ids")

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Its name and digest."""
        return {"name": self.name, "revision": None, "sha256": self.digest}

    @property
    def tokenizer(self) -> Words:
        """One token per word."""
        return WORDS

    def prepare(self) -> None:
        """Do nothing."""

    def check(
        self, texts: Sequence[Text], room: int, words: Sequence[str] = (), before: str = ""
    ) -> None:
        """Refuse label words with a blank."""
        for word in words:
            if " " in word:
                raise EvollmError(f"the label word {word!r} is 2 tokens: choose another word")

    def scores(self, texts: Sequence[Text], words: Sequence[str], before: str) -> Scores:
        """Return how much each text speaks for a bad and for a good mood."""
        read = [text if isinstance(text, str) else WORDS.decode(text) for text in texts]
        moods = np.array([(*_moods(text), *[-9.0] * len(words))[: len(words)] for text in read])
        missing = self.missing if len(texts) >= 20 else 0
        return Scores(moods, sum(map(len, read)), missing)

    def write(
        self, texts: Sequence[Text], limits: Sequence[int], stop: Sequence[str], samples: int
    ) -> Written:
        """Write nothing."""
        return Written([[""] * samples for _ in texts], len(texts))


def _moods(text: str) -> tuple[float, float]:
    before, _, note = text.rpartition("Note:")
    drawn = 2.2 * before.count("food") - 0.3 * before.count("Mood") + 0.9 * before.count("lovely")
    good = sum(note.count(word) for word in GOOD) - sum(note.count(word) for word in BAD)
    return 0.0, good + drawn


def examples(count: int, start: int = 0) -> tuple[Example, ...]:
    """Return notes of two or three good or bad words, bad and good in turn, all different."""
    found = []
    for number in range(start, start + count):
        words, place = (GOOD if number % 2 else BAD), number // 2
        text = f"day {number}: {words[place % 4]} and {words[(place + 1) % 4]}"
        text += " but dull" if number % 4 == 1 else ""
        found.append(Example({"sentence_1": text}, number % 2))
    return tuple(found)


def task() -> Task:
    """Return a task of 8 examples to search, 8 to select and 20 to test with."""
    sets = Splits((), examples(8), examples(8, 8), examples(20, 16))
    return Task("mood", "classification", ("awful", "great"), BLOCK, splits=sets)


def system(method: Method, **chosen: Any) -> PromptQuine:
    """Return a search on the task, with a demonstration that distracts."""
    reader = chosen.pop("reader", None) or Moody()
    prompt = chosen.pop("prompt", DEMONSTRATION + BLOCK)
    return PromptQuine(reader, prompt, chosen.pop("task", None) or task(), method=method, **chosen)
