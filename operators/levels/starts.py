"""First level vectors: given ones, and random ones at a budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm.errors import EvollmError
from evollm.types import Offspring, Operator, Parent
from operators.levels.costs import Costs, Levels, active, costs_of, lowered, table_of
from operators.masks import apart


@dataclass(frozen=True, slots=True)
class FixedLevels:
    """Makes copies of one vector.

    Attributes:
        levels: The vector.
    """

    levels: tuple[int, ...]

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Levels]:
        """Return ``n`` copies, ignoring the parents."""
        return Offspring([np.array(self.levels, np.int64) for _ in range(n)])


@dataclass(frozen=True, slots=True)
class KnownLevels:
    """Makes some vectors first, and then those of another operator.

    Attributes:
        known: The vectors.
        others: Makes what is asked for beyond them.
    """

    known: tuple[tuple[int, ...], ...]
    others: Operator[Levels]

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Levels]:
        """Return ``n`` vectors, ignoring the parents."""
        first = [np.array(levels, np.int64) for levels in self.known[:n]]
        rest = self.others.vary(parents, n - len(first), seed)
        return Offspring([*first, *rest.genomes], rejected=rest.rejected)


@dataclass(frozen=True, slots=True)
class RandomLevels:
    """Draws random vectors at the budget or a little below it.

    All units get the lowest common level that reaches the budget; then random ones are lowered by a
    step until the cost is at most the budget. Where the lowest common level costs just the budget,
    nothing is left to draw.

    Attributes:
        costs: Cost of each unit's levels.
        budget: Maximum cost of a vector.
        owners: Of each unit the place of its owner, or -1; empty if none has one.
        pools: Units of which some are at level 0, and all others at their highest level.
        zeros: For each pool, how many are at level 0.

    Raises:
        EvollmError: If even the lowest levels cost more than the budget.
    """

    costs: Costs
    budget: int
    owners: tuple[int, ...] = ()
    pools: tuple[tuple[int, ...], ...] = ()
    zeros: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        rows = self._masked(1, np.random.default_rng(0))
        least = int(costs_of(table_of(self.costs), rows, self.owners)[0])
        if least > self.budget:
            raise EvollmError(
                f"the budget of {self.budget:,} is below the {least:,} of the lowest levels: raise "
                "it, or allow lower levels"
            )

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Levels]:
        """Return up to ``n`` vectors, ignoring the parents."""
        rng = np.random.default_rng(seed)
        table, rows = table_of(self.costs), self._masked(n, rng)
        free = np.ones(len(table.tops), np.bool_)
        free[list({place for pool in self.pools for place in pool})] = False
        for _ in range(int(table.tops.max())):
            short = costs_of(table, rows, self.owners) < self.budget
            rows += short[:, None] & free & active(rows, self.owners) & (rows < table.tops)
        floor = np.where(free, np.maximum(rows - 1, 0), rows)
        kept = lowered(table, rows, self.budget, self.owners, rng, floor)
        rejected = {"over the budget": int((~kept).sum())} if not kept.all() else {}
        return Offspring(apart(rows[kept]), rejected=rejected)

    def _masked(self, n: int, rng: np.random.Generator) -> Levels:
        """Return rows at the lowest levels, with random units of the pools at level 0."""
        tops = table_of(self.costs).tops
        rows = np.zeros((n, len(tops)), np.int64)
        for pool, zeros in zip(self.pools, self.zeros, strict=True):
            order = np.argsort(rng.random((n, len(pool))), axis=1)
            np.put_along_axis(rows, np.array(pool)[order], tops[np.array(pool)[order]], axis=1)
            np.put_along_axis(rows, np.array(pool)[order[:, :zeros]], 0, axis=1)
        return rows
