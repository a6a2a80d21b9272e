"""Bits per weight of linear layers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evollm.errors import EvollmError
from operators.levels import FixedLevels, LevelSwap, LevelTrade, RandomLevels
from problems.compression.kinds.space import Body, Space, costs_of, named
from problems.compression.layout import Layout, Level, Rule, Unit
from problems.compression.levels.costs import BITS, bits_cost, groups_of
from problems.lm.blocks import Linear


@dataclass(frozen=True)
class Quantization:
    """Chooses the bits per weight of each linear layer.

    Attributes:
        bits: The average to aim at; the budget is what all layers take with as many bits each.
        levels: What can be chosen.
        group: Number of neighbouring weights that share a scale; 0 for whole rows.
        rule: Which layers trade bits: those of equal size, of equal name, or all; of the last, the
            budget is not always used up.
    """

    bits: float = 3.0
    levels: tuple[int, ...] = (2, 3, 4, 5, 6)
    group: int = 64
    rule: Rule = "size"
    name: ClassVar[str] = "quantization"

    def __post_init__(self) -> None:
        if len(self.levels) < 2 or not set(self.levels) <= set(BITS):
            raise EvollmError(
                f"levels must be at least two of {', '.join(map(str, BITS))} bits, not "
                f"{', '.join(map(str, self.levels))}"
            )
        object.__setattr__(self, "levels", tuple(sorted(set(self.levels))))
        if not self.levels[0] < self.bits < self.levels[-1]:
            raise EvollmError(
                f"bits must be more than {self.levels[0]} and less than {self.levels[-1]}, the "
                f"lowest and the highest level, not {self.bits:g}"
            )

    @property
    def target(self) -> str:
        """What is aimed at."""
        return f"{self.bits:g} bits per weight"

    def unit(self, block: int, linear: Linear) -> Unit:
        """Return a linear layer as a unit.

        Raises:
            EvollmError: If the groups do not divide its rows.
        """
        rows, columns = linear.shape
        groups_of(columns, self.group, named(block, linear))
        levels = tuple(Level("bits", bits) for bits in self.levels)
        costs = tuple(bits_cost(rows, columns, bits, self.group) for bits in self.levels)
        return Unit(block, linear.name, linear.part, linear.size, levels, costs)

    def budget(self, units: tuple[Unit, ...]) -> int:
        """Return the bytes of linear layers that all have the bits aimed at.

        Between two levels, it is as far between their bytes.
        """
        costs = np.array([unit.costs for unit in units if unit.linear], np.int64).sum(axis=0)
        return int(np.interp(self.bits, self.levels, costs) + 1e-6)

    def space(self, body: Body, fixed: int = 0) -> Space:
        """Return what is searched; see ``Kind``."""
        units = tuple(self.unit(block, one) for block, row in enumerate(body) for one in row)
        layout, budget = Layout(units, len(body), fixed), self.budget(units)
        costs = costs_of(layout)
        variation = (
            LevelTrade(costs, budget)
            if self.rule == "none"
            else LevelSwap(costs, layout.groups(self.rule))
        )
        if self.bits not in self.levels:
            return Space(layout, budget, RandomLevels(costs, budget), variation)
        uniform = np.full(len(units), self.levels.index(int(self.bits)), np.int64)
        return Space(layout, budget, FixedLevels(tuple(uniform.tolist())), variation, uniform)
