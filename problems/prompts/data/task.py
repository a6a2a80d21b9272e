"""A task: what is asked, how demonstrations are written, and the examples."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np

from evollm.checks import positive
from evollm.errors import EvollmError
from problems.prompts.data.example import Example
from problems.prompts.data.labels import Labels
from problems.prompts.data.sources.records import read_text
from problems.prompts.data.splits import Splits
from problems.prompts.data.template import MASK, Template, has_slots

Kind = Literal["classification", "choice", "reasoning", "style"]
METRICS: Mapping[Kind, tuple[str, ...]] = {
    "classification": ("reward", "accuracy"),
    "choice": ("reward", "accuracy"),
    "reasoning": ("accuracy",),
    "style": ("joint", "content", "style", "fluency"),
}
"""What each kind is scored by; the first is what a search rewards unless told otherwise."""
NO_SPLITS = Splits()
SEPARATOR = "\n\n"
"""What is written between demonstrations."""


@dataclass(frozen=True)
class Task:
    r"""What a prompt is for.

    A demonstration is ``block`` with its slots filled, then ``joint``, the answer and ``closing``;
    the answer is the label's word, or the example's ``worked`` or ``answer``. The prompt ends in
    the block with its slots open.

    Attributes:
        name: Its name.
        kind: How it is scored.
        labels: The word of each label (classification and choice; else none).
        block: The question with its slots, up to the answer field.
        slots: The slots that an example fills.
        joint: What stands between the answer field and the answer.
        closing: What ends an answer in a demonstration.
        origin: Where the examples come from.
        licence: Under which terms.
        splits: The examples.

    Raises:
        EvollmError: If the block and the slots disagree, or label words are missing or equal.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    block: str
    slots: tuple[str, ...] = ("sentence_1",)
    joint: str = " "
    closing: str = ""
    origin: str = "the user's own"
    licence: str = "the user's own"
    splits: Splits = NO_SPLITS

    def __post_init__(self) -> None:
        """Refuse a task that no prompt can be written for."""
        self.template(self.block)
        if not self.labelled:
            return
        if len(self.labels) < 2:
            raise EvollmError(f"the task {self.name} needs two or more label words")
        for word, count in Counter(self.labels).items():
            if count > 1 or not word.strip():
                raise EvollmError(
                    f"the label word {word!r} of the task {self.name} is empty or given twice: "
                    "each label needs a word of its own"
                )

    @property
    def labelled(self) -> bool:
        """Whether an answer is one of the label words."""
        return self.kind in ("classification", "choice")

    @property
    def metrics(self) -> tuple[str, ...]:
        """What it is scored by; the first is what a search rewards unless told otherwise."""
        return METRICS[self.kind]

    @property
    def headline(self) -> str:
        """The metric that people read: accuracy where there is one, else the first."""
        return "accuracy" if "accuracy" in self.metrics else self.metrics[0]

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts at which a written answer ends: its closing mark, or the next demonstration."""
        first = self.block.split("{")[0].strip()
        return tuple(text for text in (self.closing.strip() or SEPARATOR, first) if text)

    def with_splits(self, splits: Splits) -> Self:
        """Return the task with these examples."""
        return replace(self, splits=splits)

    def template(self, text: str, *, masked: bool = False) -> Template:
        """Return a prompt, say a pruned one, with the slots of the task.

        Args:
            text: The prompt.
            masked: Whether it is for a masked model, and has a slot for the mask.

        Raises:
            EvollmError: If the slots are not those of the task.
        """
        slots = (*self.slots, MASK) if masked else self.slots
        return Template(text, slots, task=f"the task {self.name}")

    def read_template(self, path: str | Path, *, masked: bool = False) -> Template:
        """Return the prompt in a user's file; line ends after the last line are dropped.

        Raises:
            EvollmError: If the file cannot be read, or the slots are not those of the task.
        """
        return self.template(read_text(path).rstrip("\r\n"), masked=masked)

    def demonstration(self, example: Example) -> str:
        """Return an example as it is written in a prompt."""
        block = self.template(self.block).fill(example.fields)
        return f"{block}{self.joint}{self._written(example)}{self.closing}"

    def prompt(self, shots: int = 1, seed: int = 0, *, masked: bool = False) -> Template:
        """Return an unpruned prompt: demonstrations, then the block with its slots open.

        The demonstrations come in rounds of one per class. The order of the classes is drawn once.
        An example whose text would be read as a slot is never drawn.

        Args:
            shots: Demonstrations per class; 0 for none.
            seed: Of the draw.
            masked: Whether it is for a masked model: then the answer is a slot for the mask.

        Raises:
            EvollmError: If there are too few examples to demonstrate.
        """
        last = f"{self.block}{self.joint}{{{MASK}}}{self.closing}" if masked else self.block
        shown = [self.demonstration(example) for example in self._drawn(shots, seed)]
        return self.template(SEPARATOR.join([*shown, last]), masked=masked)

    def examples(self, texts: Iterable[object], answers: Iterable[object]) -> tuple[Example, ...]:
        """Return examples from texts and what is right for each.

        Args:
            texts: A text each, or several by slot.
            answers: The label's word or number each (classification and choice); else a text.

        Raises:
            EvollmError: If answers are missing, a label is unknown, or ``usable`` refuses them.
        """
        texts, answers = list(texts), list(answers)
        if len(texts) != len(answers):
            raise EvollmError(
                f"the task {self.name} was given {len(texts)} texts and {len(answers)} answers: "
                "give one answer per text"
            )
        return self.usable(list(map(self.example, texts, answers)))

    def example(self, text: object, answer: object) -> Example:
        """Return one example; see ``examples``.

        Args:
            text: A text, or several by slot.
            answer: The label's word or number (classification and choice); else a text.

        Raises:
            EvollmError: If the label is unknown.
        """
        fields = text if isinstance(text, Mapping) else {self.slots[0]: str(text)}
        if not self.labelled:
            return Example(dict(fields), answer=str(answer))
        return Example(dict(fields), Labels(self.labels).index(answer))

    def usable(self, examples: Sequence[Example], name: str = "examples") -> tuple[Example, ...]:
        """Return examples if a prompt can be scored on them.

        Args:
            examples: The examples.
            name: What they are called in a message.

        Raises:
            EvollmError: If there are none, a slot is not filled, or all have one label.
        """
        if not examples:
            raise EvollmError(f"the {name} for the task {self.name} are empty: give at least one")
        for example in examples:
            for slot in self.slots:
                if slot not in example.fields:
                    raise EvollmError(
                        f"{example.place} lacks the text for the slot {{{slot}}} of the task "
                        f"{self.name}: give one"
                    )
            self._known(example)
        if self.labelled and len({example.label for example in examples}) == 1:
            raise EvollmError(
                f"all {name} for the task {self.name} have the label "
                f"{self.labels[examples[0].label or 0]!r}: give examples of another label, too"
            )
        return tuple(examples)

    def _known(self, example: Example) -> None:
        label = example.label
        if self.labelled and (label is None or not 0 <= label < len(self.labels)):
            raise EvollmError(
                f"{example.place} has the label {label}, which the task {self.name} lacks: use 0 "
                f"to {len(self.labels) - 1}"
            )

    def _written(self, example: Example) -> str:
        if self.labelled:
            return self.labels[example.label or 0]
        return example.worked or example.answer

    def _drawn(self, shots: int, seed: int) -> list[Example]:
        if shots == 0:
            return []
        positive(shots=shots)
        rng = np.random.default_rng(seed)
        count = len(self.labels) if self.labelled else 1
        drawn = []
        for place in rng.permutation(count):
            apt = [one for one in self.splits.demonstrations if self._shows(one, int(place))]
            if len(apt) < shots:
                raise EvollmError(
                    f"the task {self.name} has {len(apt)} examples to demonstrate "
                    f"{self.labels[place] if self.labelled else 'answers'!r} and {shots} were "
                    "asked for: ask for fewer shots, or give more demonstrations"
                )
            drawn.append([apt[index] for index in rng.choice(len(apt), shots, replace=False)])
        return [one for round_ in zip(*drawn, strict=True) for one in round_]

    def _shows(self, example: Example, label: int) -> bool:
        texts = (*example.fields.values(), self._written(example))
        if any(has_slots(text, self.slots) for text in texts):
            return False
        return (example.label or 0) == label
