"""What a model answered, example by example: the numbers that fitness is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from problems.prompts.data.answers import exact_match, first_sentence
from problems.prompts.data.example import Example
from problems.prompts.data.scores import margins
from problems.prompts.data.style import StyleJudge
from problems.prompts.data.task import Task
from problems.prompts.data.template import MASK, Template
from problems.prompts.readers.reader import Reader, Text

ANSWER_TOKENS = 128
"""Most tokens that a worked answer takes."""


@dataclass(frozen=True)
class Judged:
    """A prompt's scores on several examples.

    Attributes:
        values: For each metric a number per example.
        tokens: How many tokens the model read and wrote.
        missing: Examples with a label that an endpoint did not list.
    """

    values: Mapping[str, NDArray[Any]]
    tokens: int
    missing: int = 0

    def mean(self, metric: str) -> float:
        """Return a metric's mean over the examples."""
        return float(np.mean(self.values[metric]))

    def __add__(self, other: "Judged") -> "Judged":
        """Return the scores on these examples and on others after them."""
        return Judged(
            {name: np.concatenate([self.values[name], other.values[name]]) for name in self.values},
            self.tokens + other.tokens,
            self.missing + other.missing,
        )


class Judge(Protocol):
    """Scores filled prompts of one kind of task.

    Attributes:
        room: Most tokens that an answer takes.
    """

    @property
    def room(self) -> int:
        """Most tokens that an answer takes."""
        ...

    def __call__(
        self, reader: Reader, task: Task, texts: Sequence[Text], examples: Sequence[Example]
    ) -> Judged:
        """Return the scores of one prompt, filled with each of the examples."""
        ...


@dataclass(frozen=True)
class Labelled:
    """Classification and multiple choice: how clearly the right label word leads.

    Attributes:
        before: What the unpruned prompt ends in where the answer is read: by this a label word's
            token is found, whatever is pruned.
        room: One token.
    """

    before: str
    room: int = 1

    def __call__(
        self, reader: Reader, task: Task, texts: Sequence[Text], examples: Sequence[Example]
    ) -> Judged:
        """Return reward, accuracy and ties."""
        scores = reader.scores(texts, task.labels, self.before)
        found = margins(scores.values, [example.label or 0 for example in examples])
        values = {"reward": found.rewards, "accuracy": found.correct, "ties": found.tied}
        return Judged(values, scores.tokens, scores.missing)


def answer_place(template: Template) -> str:
    """Return the fixed text before the answer: at the prompt's end, or before its mask."""
    slots = [part.slot for part in template.parts]
    end = slots.index(MASK) if MASK in slots else len(slots)
    last = template.parts[end - 1] if end else None
    return "." if last is None or last.slot else last.text


@dataclass(frozen=True)
class Reasoned:
    """Reasoning: whether the number that an answer ends on is the right one.

    Attributes:
        room: Most tokens that an answer takes.
        samples: Answers per example; of several the one most often given counts.
    """

    room: int = ANSWER_TOKENS
    samples: int = 1

    def __call__(
        self, reader: Reader, task: Task, texts: Sequence[Text], examples: Sequence[Example]
    ) -> Judged:
        """Return the accuracy."""
        made = reader.write(texts, [self.room] * len(texts), task.stop, self.samples)
        right = exact_match(made.samples, [example.answer for example in examples])
        return Judged({"accuracy": np.array(right)}, made.tokens)


@dataclass(frozen=True)
class Styled:
    """Style transfer: content, style and fluency of the rewritten texts, and their joint score.

    Attributes:
        judge: The three scorers.
        samples: Texts written per example; of several the best by content and style counts.
        room: Most tokens that an answer takes beyond one and a half times its source.
    """

    judge: StyleJudge
    samples: int = 1
    room: int = 10

    def __call__(
        self, reader: Reader, task: Task, texts: Sequence[Text], examples: Sequence[Example]
    ) -> Judged:
        """Return joint score, content, style and fluency."""
        sources = [example.fields[task.slots[0]] for example in examples]
        lengths = [len(reader.tokenizer.encode(source)) for source in sources]
        limits = [int(1.5 * length) + self.room for length in lengths]
        made = reader.write(texts, limits, ('"',), self.samples)
        written = [[first_sentence(text) for text in several] for several in made.samples]
        found = self.judge.scores(sources, self.judge.best(sources, written))
        values = {
            "joint": found.joints,
            "content": found.content,
            "style": found.style > 0.5,
            "fluency": found.fluency > 0.5,
        }
        return Judged(values, made.tokens)


JUDGES: Mapping[str, Callable[[Template], Judge]] = {
    "classification": lambda template: Labelled(answer_place(template)),
    "choice": lambda template: Labelled(answer_place(template)),
    "reasoning": lambda template: Reasoned(),
}
"""Judges by kind of task; style transfer has no default, since its scorers are the user's."""
