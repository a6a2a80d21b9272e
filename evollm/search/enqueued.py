"""Enqueued genomes: known genomes that are the first ones of an initial population."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from evollm.types import Offspring, Operator, Parent, name_of

NOTE = "enqueued"


@dataclass(frozen=True, slots=True)
class Enqueued:
    """Returns known genomes first, and lets an operator make the others.

    Attributes:
        genomes: The known genomes; the note of their children is ``"enqueued"``.
        rest: The operator that makes the others.
    """

    genomes: Sequence[Any]
    rest: Operator[Any]

    @property
    def name(self) -> str:
        """The name of the operator that makes the others."""
        return name_of(self.rest)

    @property
    def io_bound(self) -> bool:
        """Whether that operator is I/O-bound."""
        return bool(getattr(self.rest, "io_bound", False))

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return the known genomes, followed by the operator's."""
        own = list(self.genomes[:n])
        made = self.rest.vary(parents, n - len(own), seed)
        notes = [NOTE] * len(own) + list(made.notes or [None] * len(made.genomes))
        calls = [()] * len(own) + list(made.calls) if made.calls else ()
        return replace(made, genomes=[*own, *made.genomes], notes=notes, parents=(), calls=calls)
