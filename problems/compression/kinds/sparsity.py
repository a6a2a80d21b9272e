"""The number of zeros in linear layers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evollm.checks import positive
from evollm.errors import EvollmError
from operators.levels import FixedLevels, LevelSwap
from problems.compression.kinds.space import Body, Space, costs_of, named
from problems.compression.layout import Layout, Level, Unit
from problems.compression.levels.costs import zeros_cost
from problems.lm.blocks import Linear

FINEST = 4
"""Of the smallest layer a step is this part by default."""


@dataclass(frozen=True)
class Sparsity:
    """Chooses the share of zeros of each linear layer.

    All steps are the same number of weights, so any two layers can trade.

    Attributes:
        sparsity: Share of zeros to aim at, of each layer at the start and of all together always.
        step: Number of weights between two levels; none for a quarter of the smallest layer.
        cap: Maximum number of levels on each side of the target.
    """

    sparsity: float = 0.6
    step: int | None = None
    cap: int = 8
    name: ClassVar[str] = "sparsity"

    def __post_init__(self) -> None:
        positive(step=self.step, cap=self.cap)
        if not 0 < self.sparsity < 1:
            raise EvollmError(f"sparsity must be between 0 and 1, not {self.sparsity:g}")

    @property
    def target(self) -> str:
        """What is aimed at."""
        return f"{self.sparsity:g} of the weights zero"

    def space(self, body: Body, fixed: int = 0) -> Space:
        """Return what is searched; see ``Kind``."""
        linears = [(block, one) for block, row in enumerate(body) for one in row]
        step = self.step or max(1, min(one.size for _, one in linears) // FINEST)
        built = [self._unit(block, one, step) for block, one in linears]
        layout = Layout(tuple(unit for unit, _ in built), len(body), fixed)
        uniform = np.array([place for _, place in built], np.int64)
        return Space(
            layout,
            layout.cost(uniform),
            FixedLevels(tuple(uniform.tolist())),
            LevelSwap(costs_of(layout), (0,) * len(layout)),
            uniform,
        )

    def _unit(self, block: int, linear: Linear, step: int) -> tuple[Unit, int]:
        """Return a layer as a unit, and the place of the level aimed at."""
        rows, columns = linear.shape
        target = round(self.sparsity * linear.size)
        if not 0 < target < linear.size:
            raise EvollmError(
                f"sparsity must leave weights and zeros in {named(block, linear)}, which "
                f"{self.sparsity:g} of {linear.size} does not"
            )
        fewer = min(self.cap, (target - 1) // step)
        more = min(self.cap, (linear.size - 1 - target) // step)
        zeros = [target + level * step for level in range(more, -fewer - 1, -1)]
        levels = tuple(Level("zeros", count) for count in zeros)
        costs = tuple(zeros_cost(rows, columns, count) for count in zeros)
        return Unit(block, linear.name, linear.part, linear.size, levels, costs), more
