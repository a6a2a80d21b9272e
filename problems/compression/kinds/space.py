"""What a search needs of a kind of compression: units, a budget, a start and a variation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from evollm.errors import EvollmError
from evollm.types import Candidate, Operator
from problems.compression.layout import Genome, Layout
from problems.lm.blocks import Linear

Body: TypeAlias = Sequence[Sequence[Linear]]
"""The linear layers of each block, as ``Blocks.linears`` has them."""
ROUNDS = 64
"""How many times as many children as are needed are drawn to count the different ones."""


@dataclass(frozen=True)
class Space:
    """What is searched.

    Attributes:
        layout: The units.
        budget: Maximum bytes of all units.
        start: Makes first genomes.
        variation: Makes children of a genome; they keep the budget.
        uniform: The genome with the same level everywhere, if the budget is that of one.
    """

    layout: Layout
    budget: int
    start: Operator[Genome]
    variation: Operator[Genome]
    uniform: Genome | None = None

    def check(self, offspring: int) -> None:
        """Refuse a space that is too small.

        Args:
            offspring: How many different children a generation needs.

        Raises:
            EvollmError: If no unit can move, or there are too few different children.
        """
        [first] = self.start.vary([], 1, 0).genomes
        parent = Candidate(0, first, (), "", 0)
        made = self.variation.vary([parent], ROUNDS * offspring, 0).genomes
        different = {one.tobytes() for one in made} - {first.tobytes()}
        if not different:
            raise EvollmError(
                "no level can be exchanged for another one: choose a target between two levels, or "
                "more levels"
            )
        if len(different) < offspring:
            raise EvollmError(
                f"offspring must be at most {len(different)}, the number of different children, "
                f"not {offspring}"
            )


class Kind(Protocol):
    """A kind of compression with its settings, such as ``Depth(0.25)``."""

    @property
    def name(self) -> str:
        """As the command line calls it."""
        ...

    @property
    def target(self) -> str:
        """What is aimed at, in a few words."""
        ...

    def space(self, body: Body, fixed: int = 0) -> Space:
        """Return what is searched.

        Args:
            body: The linear layers of each block.
            fixed: Bytes of what is in no unit.

        Raises:
            EvollmError: If the settings do not suit the model.
        """
        ...


def costs_of(layout: Layout) -> tuple[tuple[int, ...], ...]:
    """Return the bytes of each unit's levels."""
    return tuple(unit.costs for unit in layout.units)


def named(block: int, linear: Linear) -> str:
    """Return what a layer is called in an error."""
    return f"{linear.name} of block {block}"
