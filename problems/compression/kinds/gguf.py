"""The type of each linear layer in a GGUF file."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evollm.errors import EvollmError
from operators.compose import Mix
from operators.levels import FixedLevels, LevelSwap, LevelTrade, RandomLevels
from problems.compression.export.gguf.types import BLOCK, BYTES, gguf_cost, typed
from problems.compression.kinds.space import Body, Space, costs_of, named
from problems.compression.layout import Layout, Unit
from problems.lm.blocks import Linear


@dataclass(frozen=True)
class GGUF:
    """Chooses the type that each linear layer has in a GGUF file.

    Half of the children swap types so that the bytes stay the same, the other half trade them.

    Attributes:
        bits: Bits per weight to aim at, scales included: 4.5 is Q4_0 everywhere, 5 is Q4_1, 5.5 is
            Q5_0, 6 is Q5_1, and 8.5 is Q8_0.
        types: What can be chosen.
    """

    bits: float = 5.0
    types: tuple[str, ...] = tuple(BYTES)
    name: ClassVar[str] = "gguf"

    def __post_init__(self) -> None:
        each = sorted({typed(name) for name in self.types}, key=lambda level: BYTES[str(level)])
        object.__setattr__(self, "types", tuple(map(str, each)))
        low, high = self._bits[0], self._bits[-1]
        if not low < self.bits < high:
            raise EvollmError(
                f"bits must be more than {low:g} and less than {high:g}, those of {self.types[0]} "
                f"and of {self.types[-1]}, not {self.bits:g}"
            )

    @property
    def _bits(self) -> list[float]:
        return [8 * BYTES[name] / BLOCK for name in self.types]

    @property
    def target(self) -> str:
        """What is aimed at."""
        return f"{self.bits:g} bits per weight in a GGUF file"

    def unit(self, block: int, linear: Linear) -> Unit:
        """Return a linear layer as a unit.

        Raises:
            EvollmError: If its rows are no whole number of a type's blocks.
        """
        levels = tuple(typed(name) for name in self.types)
        where = named(block, linear)
        costs = tuple(gguf_cost(*linear.shape, level, where) for level in levels)
        return Unit(block, linear.name, linear.part, linear.size, levels, costs)

    def space(self, body: Body, fixed: int = 0) -> Space:
        """Return what is searched; see ``Kind``."""
        units = tuple(self.unit(block, one) for block, row in enumerate(body) for one in row)
        layout = Layout(units, len(body), fixed)
        costs, budget = costs_of(layout), int(sum(unit.size for unit in units) * self.bits / 8)
        variation = Mix([LevelSwap(costs, layout.groups("size")), LevelTrade(costs, budget)])
        if self.bits not in self._bits:
            return Space(layout, budget, RandomLevels(costs, budget), variation)
        uniform = np.full(len(units), self._bits.index(self.bits), np.int64)
        return Space(layout, budget, FixedLevels(tuple(uniform.tolist())), variation, uniform)
