"""Sublayers dropped and bits chosen under one budget."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from evollm.errors import EvollmError
from operators.compose import Mix
from operators.levels import LevelSwap, LevelTrade, OwnerSwap, RandomLevels
from problems.compression.kinds.depth import Depth, pools_of, sublayer
from problems.compression.kinds.quantization import Quantization
from problems.compression.kinds.space import Body, Space, costs_of
from problems.compression.layout import Layout


@dataclass(frozen=True)
class Joint:
    """Drops sublayers, and spends what that saves on the bits of the others.

    The budget is what all linear layers take with the bits aimed at. Half of the children swap
    dropped sublayers for others, the other half swap bits.

    Attributes:
        depth: What is dropped.
        quantization: The bits.
    """

    depth: Depth = field(default_factory=lambda: Depth(0.125))
    quantization: Quantization = field(default_factory=Quantization)
    name: ClassVar[str] = "joint"

    @property
    def target(self) -> str:
        """What is aimed at."""
        return f"{self.depth.target}, in the bytes of {self.quantization.target}"

    def space(self, body: Body, fixed: int = 0) -> Space:
        """Return what is searched; see ``Kind``."""
        bits, count = self.quantization, self.depth.dropped(len(body))
        parts = ("block",) if self.depth.whole_blocks else ("attention", "mlp")
        units = tuple(
            unit
            for block, row in enumerate(body)
            for part in parts
            for unit in (
                sublayer(block, part, body, owner=True),
                *(bits.unit(block, one) for one in row if part in ("block", one.part)),
            )
        )
        layout, budget = Layout(units, len(body), fixed), bits.budget(units)
        costs, owners = costs_of(layout), tuple(layout.owner.tolist())
        pools = pools_of(layout)
        start = RandomLevels(costs, budget, owners, pools, (count,) * len(pools))
        self._check_used(layout, budget, start)
        exchange = (
            LevelTrade(costs, budget, owners=owners)
            if bits.rule == "none"
            else LevelSwap(costs, layout.groups(bits.rule), owners=owners)
        )
        variation = Mix([OwnerSwap(costs, owners, pools, budget), exchange])
        return Space(layout, budget, start, variation)

    def _check_used(self, layout: Layout, budget: int, start: RandomLevels) -> None:
        """Refuse to drop so much that the highest levels can't use the budget up.

        Raises:
            EvollmError: If they can't.
        """
        [first] = start.vary([], 1, 0).genomes
        linear = np.array([unit.linear for unit in layout.units])
        kept = linear & ~layout.dropped(first)
        if layout.cost(first) < budget and (first == layout.tops)[kept].all():
            count, blocks = self.depth.dropped(layout.blocks), layout.blocks
            raise EvollmError(
                f"drop must be less: with {count} of {blocks} dropped, "
                f"{self.quantization.levels[-1]} bits take less than the budget"
            )
