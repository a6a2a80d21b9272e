"""Units that are dropped or kept together with those that they own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.types import Offspring, Parent
from operators.levels.costs import Costs, Levels, lowered, moves, rows_of, table_of
from operators.masks import apart, in_turn


@dataclass(frozen=True, slots=True)
class OwnerSwap:
    """Lowers an owner to level 0 and raises another one of its pool from there.

    The units of the latter take the levels that those of the former had. If these differ in size,
    random ones are lowered until the cost is at most the budget.

    Attributes:
        costs: Cost of each unit's levels.
        owners: Of each unit the place of its owner, or -1.
        pools: Owners that may take each other's place.
        budget: Maximum cost of a child.
        most: Maximum number of swaps; the number is the smaller of two uniform draws.
    """

    costs: Costs
    owners: tuple[int, ...]
    pools: tuple[tuple[int, ...], ...]
    budget: int
    most: int = 3

    def __post_init__(self) -> None:
        positive(most=self.most)
        owned = {place: self.owners.count(place) for pool in self.pools for place in pool}
        if any(len({owned[place] for place in pool}) > 1 for pool in self.pools):
            raise EvollmError("units that take each other's place must own equally many units")

    def vary(self, parents: Sequence[Parent[Levels]], n: int, seed: int) -> Offspring[Levels]:
        """Return up to ``n`` children within the budget; several parents take turns."""
        rng, turns = np.random.default_rng(seed), in_turn(parents, n)
        rows = rows_of(parents, turns)
        for moving in moves(n, self.most, rng):
            for row in moving:
                self._swap(rows[row], rng)
        table, floor = table_of(self.costs), np.zeros_like(rows)
        kept = lowered(table, rows, self.budget, self.owners, rng, floor)
        made = np.flatnonzero(kept)
        rejected = {"over the budget": n - len(made)} if len(made) < n else {}
        return Offspring(apart(rows[made]), (), rejected, [[turns[i]] for i in made])

    def _swap(self, row: Levels, rng: np.random.Generator) -> None:
        """Swap two owners of a row in place, if any pool has both kinds."""
        able = [pool for pool in map(np.array, self.pools) if 0 < (row[pool] > 0).sum() < len(pool)]
        if not able:
            return
        pool = able[int(rng.integers(len(able)))]
        gone = int(rng.choice(pool[row[pool] > 0]))
        back = int(rng.choice(pool[row[pool] == 0]))
        owners, tops = np.array(self.owners), table_of(self.costs).tops
        mine, theirs = np.flatnonzero(owners == gone), np.flatnonzero(owners == back)
        row[theirs] = np.minimum(row[mine], tops[theirs])
        row[mine], row[gone], row[back] = 0, 0, row[gone]
