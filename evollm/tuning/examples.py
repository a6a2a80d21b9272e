"""Examples: a prompt with the answer that a model is to give, and files of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from evollm.errors import EvollmError
from evollm.paths import anchored

VALIDATION = 2**31
"""Seeds from here on are of examples to validate on."""
HELD_OUT = 10
"""One of so many examples of a collection is held out to validate on."""


@dataclass(frozen=True, slots=True)
class Example:
    """What a model is shown, and what it should continue with.

    Attributes:
        prompt: The text of the request, or its chat messages; in the operator's own format.
        answer: The wanted answer, with the stop sequence that ends it.
        weight: How much it counts; positive.
    """

    prompt: str | Sequence[Mapping[str, str]]
    answer: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.answer or not self.weight > 0:
            raise EvollmError("an example needs an answer and a positive weight")


class Teacher(Protocol):
    """Makes examples; it is sent to other processes, so it must be picklable."""

    def examples(self, count: int, seed: int) -> Sequence[Example]:
        """Return examples, which are determined by the seed.

        Args:
            count: How many.
            seed: Of the draw; the examples to validate on have seeds of their own.
        """
        ...


@dataclass(frozen=True, slots=True)
class Collection:
    """A teacher with a fixed collection of examples, from which it draws.

    Every tenth is for validation alone, if there are ten.

    Attributes:
        known: The examples.
    """

    known: tuple[Example, ...]

    def __post_init__(self) -> None:
        if not self.known:
            raise EvollmError("there is no example to train on")

    def examples(self, count: int, seed: int) -> list[Example]:
        """Return random examples; see ``Teacher``."""
        import numpy as np

        known = self.known
        if len(known) >= HELD_OUT:
            held = seed >= VALIDATION
            known = tuple(one for i, one in enumerate(known) if (i % HELD_OUT == 0) == held)
        drawn = np.random.default_rng(seed).integers(len(known), size=count)
        return [known[place] for place in drawn]


@dataclass(frozen=True, slots=True)
class Mixture:
    """A teacher that takes an equal share of its examples from each of several others.

    Attributes:
        teachers: The others.
    """

    teachers: tuple[Teacher, ...]

    def __post_init__(self) -> None:
        if not self.teachers:
            raise EvollmError("a mixture needs at least one teacher")

    def examples(self, count: int, seed: int) -> list[Example]:
        """Return examples in random order; see ``Teacher``."""
        import numpy as np

        each = -(-count // len(self.teachers))
        drawn = np.random.default_rng(seed).integers(VALIDATION, size=len(self.teachers)).tolist()
        seeds = [one + VALIDATION * (seed >= VALIDATION) for one in drawn]
        pairs = zip(self.teachers, seeds, strict=True)
        found = [one for teacher, own in pairs for one in teacher.examples(each, own)]
        order = np.random.default_rng(seed).permutation(len(found))[:count]
        return [found[place] for place in order]


def save(examples: Iterable[Example], path: str | Path) -> Path:
    """Write examples as JSON lines; return the file."""
    file = anchored(path)
    text = "".join(json.dumps(asdict(example)) + "\n" for example in examples)
    file.write_text(text, encoding="utf-8")
    return file


def load(path: str | Path) -> list[Example]:
    """Read examples.

    Raises:
        EvollmError: If the file can't be read, or a line is not an example; the line is named.
    """
    file, found = anchored(path), []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvollmError(f"{file} can't be read: {error}") from None
    for number, line in enumerate(lines, 1):
        try:
            found.append(Example(**json.loads(line)))
        except (ValueError, TypeError, EvollmError):
            raise EvollmError(
                f"{file}:{number} is not an example: each line must be a JSON object with a "
                "prompt, an answer and optionally a positive weight"
            ) from None
    return found
