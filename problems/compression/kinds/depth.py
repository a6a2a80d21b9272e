"""Attention and MLP sublayers, or whole blocks, of which some are dropped."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from evollm.errors import EvollmError
from operators.levels import LevelSwap, RandomLevels
from problems.compression.kinds.space import Body, Space, costs_of
from problems.compression.layout import DENSE, DROP, Layout, Unit
from problems.compression.levels.costs import dense_cost


@dataclass(frozen=True)
class Depth:
    """Drops as many attention as MLP sublayers, not necessarily of the same blocks.

    Attributes:
        drop: Share of the sublayers of each sort that are dropped, rounded down to a whole number.
        whole_blocks: Drop blocks as a whole.
    """

    drop: float = 0.25
    whole_blocks: bool = False
    name: ClassVar[str] = "depth"

    @property
    def target(self) -> str:
        """What is aimed at."""
        what = "blocks" if self.whole_blocks else "attention and of MLP sublayers"
        return f"{self.drop:g} of {what} dropped"

    def dropped(self, blocks: int) -> int:
        """Return how many sublayers of each sort, or blocks, are dropped.

        Raises:
            EvollmError: If that is none, or all.
        """
        count = int(self.drop * blocks + 1e-9)
        if not 0 < count < blocks:
            raise EvollmError(
                f"drop must be at least {1 / blocks:.3g} and less than 1 for {blocks} blocks, not "
                f"{self.drop:g}"
            )
        return count

    def space(self, body: Body, fixed: int = 0) -> Space:
        """Return what is searched; see ``Kind``."""
        count = self.dropped(len(body))
        parts = ("block",) if self.whole_blocks else ("attention", "mlp")
        units = tuple(sublayer(block, part, body) for block in range(len(body)) for part in parts)
        layout = Layout(units, len(body), fixed)
        pools = pools_of(layout)
        budget = sum(
            sum(sorted(units[place].costs[-1] for place in pool)[count:]) for pool in pools
        )
        start = RandomLevels(costs_of(layout), budget, (), pools, (count,) * len(pools))
        counted = ((0, 1),) * len(units)  # a sublayer for a sublayer, whatever their sizes
        return Space(layout, budget, start, LevelSwap(counted, layout.groups("name")))


def sublayer(block: int, part: str, body: Body, owner: bool = False) -> Unit:
    """Return a sublayer or a block as a unit.

    Args:
        block: Its block.
        part: ``attention``, ``mlp``, or ``block`` for both.
        body: The linear layers of each block.
        owner: Whether its linear layers are units, too, whose bytes are counted there.
    """
    linears = [one for one in body[block] if part in ("block", one.part)]
    bytes_ = 0 if owner else sum(dense_cost(*one.shape) for one in linears)
    size = sum(one.size for one in linears)
    return Unit(block, part, part, size, (DROP, DENSE), (0, bytes_))


def pools_of(layout: Layout) -> tuple[tuple[int, ...], ...]:
    """Return the places of the sublayers, those of each sort together."""

    def places() -> Iterator[tuple[int, ...]]:
        for name in dict.fromkeys(unit.name for unit in layout.units if not unit.linear):
            yield tuple(i for i, unit in enumerate(layout.units) if unit.name == name)

    return tuple(places())
