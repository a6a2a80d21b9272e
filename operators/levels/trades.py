"""Levels of any cost, raised and lowered until the sum is within the budget."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.types import Offspring, Parent
from operators.levels.costs import (
    Costs,
    Flags,
    Levels,
    costs_of,
    drawn,
    movable,
    moves,
    rows_of,
    table_of,
)
from operators.masks import apart, in_turn


@dataclass(frozen=True, slots=True)
class LevelTrade:
    """Raises some levels, then lowers others until the cost is at most the budget.

    The units may differ in size. A child is kept if its lowered levels save little more than its
    raised ones cost, so that the budget stays used.

    Attributes:
        costs: Cost of each unit's levels.
        budget: Maximum cost of a child.
        most: Maximum number of raised levels; the number is the smaller of two uniform draws.
        changes: Maximum number of steps in all.
        share: Minimum cost of the raised levels as a share of what the lowered ones save.
        owners: Of each unit the place of its owner, or -1; empty if none has one.
        tries: How often a child that can't be kept is drawn anew.
    """

    costs: Costs
    budget: int
    most: int = 3
    changes: int = 10
    share: float = 0.8
    owners: tuple[int, ...] = ()
    tries: int = 8

    def __post_init__(self) -> None:
        positive(most=self.most, changes=self.changes, tries=self.tries)
        if self.most >= self.changes or not 0 <= self.share <= 1:
            raise EvollmError(
                f"changes must be more than {self.most} (most) and share 0 to 1, not "
                f"{self.changes} and {self.share}"
            )

    def vary(self, parents: Sequence[Parent[Levels]], n: int, seed: int) -> Offspring[Levels]:
        """Return up to ``n`` children within the budget; several parents take turns."""
        rng, turns = np.random.default_rng(seed), in_turn(parents, n)
        rows = rows_of(parents, turns)
        open_ = np.arange(n)
        for _ in range(self.tries):
            traded, kept = self._traded(rows[open_], rng)
            rows[open_[kept]] = traded[kept]
            open_ = open_[~kept]
        made = np.setdiff1d(np.arange(n), open_)
        rejected = {"no trade within the limits": len(open_)} if len(open_) else {}
        return Offspring(apart(rows[made]), (), rejected, [[turns[i]] for i in made])

    def _traded(self, rows: Levels, rng: np.random.Generator) -> tuple[Levels, Flags]:
        """Return rows after a trade, and which of them are within the limits."""
        table, before = table_of(self.costs), rows
        able, rows = movable(rows, self.owners), rows.copy()
        for moving in moves(len(rows), self.most, rng):
            places = drawn(able[moving] & (rows[moving] < table.tops), rng)
            rows[moving[places >= 0], places[places >= 0]] += 1
        added = costs_of(table, rows, self.owners) - costs_of(table, before, self.owners)
        changed, removed = (rows - before).sum(axis=1), np.zeros(len(rows), np.int64)
        raised = rows > before
        while True:
            over = costs_of(table, rows, self.owners) > self.budget
            open_ = np.flatnonzero(over & (changed < self.changes))
            saved = table.saved(rows[open_])
            small = (removed[open_][:, None] + saved) * self.share <= added[open_][:, None]
            places = drawn(able[open_] & ~raised[open_] & (rows[open_] > 0) & small, rng)
            open_, places = open_[places >= 0], places[places >= 0]
            if not len(open_):
                return rows, ~over & (changed > 0)
            removed[open_] += table.saved(rows[open_])[np.arange(len(open_)), places]
            rows[open_, places] -= 1
            changed[open_] += 1
