"""Classical variation of text: random edits and splices, as a control without a model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from evollm.errors import EvollmError
from evollm.types import Offspring, Parent

Unit: TypeAlias = Literal["characters", "words", "lines"]


def parts(text: str, unit: Unit) -> list[str]:
    """Return a text's characters, words or lines including white space; joined they are it."""
    if unit == "characters":
        return list(text)
    if unit == "lines":
        return text.splitlines(keepends=True)
    return re.findall(r"\S+\s*|^\s+", text)


@dataclass(frozen=True, slots=True)
class EditText:
    """Deletes, duplicates, moves or replaces parts of a text at random.

    Attributes:
        unit: The type of a part.
        edits: Maximum number of edits per child.
        alphabet: Parts to insert; empty to take them from the text.
    """

    unit: Unit = "words"
    edits: int = 2
    alphabet: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.edits < 1 or self.unit not in ("characters", "words", "lines"):
            raise EvollmError(
                f"edits must be at least 1 and unit characters, words or lines, not {self.edits} "
                f"and {self.unit}"
            )

    def vary(self, parents: Sequence[Parent[str]], n: int, seed: int) -> Offspring[str]:
        """Return ``n`` children; several parents take turns."""
        rng = np.random.default_rng(seed)
        turns = [i % len(parents) for i in range(n)]
        children = [self._edited(parts(parents[i].genome, self.unit), rng) for i in turns]
        return Offspring(children, parents=[[i] for i in turns])

    def _edited(self, text: list[str], rng: np.random.Generator) -> str:
        for _ in range(int(rng.integers(1, self.edits + 1))):
            stock = self.alphabet or tuple(text)
            place = int(rng.integers(len(text) + 1))
            kind = rng.choice(["insert", "delete", "replace", "move"])
            if kind == "insert" and stock:
                text.insert(place, str(stock[rng.integers(len(stock))]))
            elif place < len(text) and kind == "delete" and len(text) > 1:
                del text[place]
            elif place < len(text) and kind == "replace":
                text[place] = str(stock[rng.integers(len(stock))])
            elif place < len(text):
                text.insert(int(rng.integers(len(text))), text.pop(place))
        return "".join(text)


@dataclass(frozen=True, slots=True)
class SpliceText:
    """Joins the beginning of one text and the end of another, cut at about the same fraction.

    Attributes:
        unit: The type of parts between which the text is cut.
    """

    unit: Unit = "words"

    def vary(self, parents: Sequence[Parent[str]], n: int, seed: int) -> Offspring[str]:
        """Return ``n`` children of the first two parents, which take turns as the first part."""
        if len(parents) < 2:
            raise EvollmError(f"a crossover needs two parents, not {len(parents)}")
        rng = np.random.default_rng(seed)
        pair = [parts(parent.genome, self.unit) for parent in parents[:2]]
        children = [self._spliced(pair[i % 2], pair[1 - i % 2], rng) for i in range(n)]
        return Offspring(children, parents=[[0, 1]] * n)

    def _spliced(self, head: list[Any], tail: list[Any], rng: np.random.Generator) -> str:
        share = rng.random()
        return "".join(head[: round(share * len(head))] + tail[round(share * len(tail)) :])
