"""Single levels raised or lowered, whatever the sum."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm.checks import positive
from evollm.types import Offspring, Parent
from operators.levels.costs import Costs, Levels, drawn, moves, rows_of, table_of
from operators.levels.starts import RandomLevels
from operators.masks import apart, in_turn


@dataclass(frozen=True, slots=True)
class SpreadLevels:
    """Draws random vectors whose costs are spread evenly from the lowest to the highest.

    Attributes:
        costs: Cost of each unit's levels.
    """

    costs: Costs

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Levels]:
        """Return ``n`` vectors, ignoring the parents."""
        rng = np.random.default_rng(seed)
        low, high = (sum(row[place] for row in self.costs) for place in (0, -1))
        shares = (np.arange(n) + rng.random(n)) / max(n, 1)
        made = [
            RandomLevels(self.costs, int(low + share * (high - low))).vary([], 1, int(own))
            for share, own in zip(shares, rng.integers(2**53, size=n), strict=True)
        ]
        return Offspring([one for few in made for one in few.genomes])


@dataclass(frozen=True, slots=True)
class LevelSteps:
    """Raises or lowers a few levels by a step each.

    Attributes:
        costs: Cost of each unit's levels.
        most: Maximum number of steps; the number is the smaller of two uniform draws.
    """

    costs: Costs
    most: int = 3

    def __post_init__(self) -> None:
        positive(most=self.most)

    def vary(self, parents: Sequence[Parent[Levels]], n: int, seed: int) -> Offspring[Levels]:
        """Return ``n`` children; several parents take turns."""
        rng, turns = np.random.default_rng(seed), in_turn(parents, n)
        rows, tops = rows_of(parents, turns), table_of(self.costs).tops
        for moving in moves(n, self.most, rng):
            able = np.concatenate([rows[moving] < tops, rows[moving] > 0], axis=1)
            places = drawn(able, rng)
            moving, places = moving[places >= 0], places[places >= 0]
            rows[moving, places % len(tops)] += np.where(places < len(tops), 1, -1)
        return Offspring(apart(rows), parents=[[i] for i in turns])
