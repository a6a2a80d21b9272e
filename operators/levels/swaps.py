"""Pairs of levels that are moved by the same cost, so that the sum is unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evollm.checks import positive
from evollm.types import Offspring, Parent
from operators.levels.costs import (
    Costs,
    Levels,
    counts,
    drawn,
    movable,
    moves,
    rows_of,
    table_of,
)
from operators.masks import apart, in_turn


@dataclass(frozen=True, slots=True)
class LevelSwap:
    """Raises a level and lowers another one of the same group by the same cost.

    The sum within each group is therefore unchanged. The pairs are drawn from those that are
    possible: first the group and the cost of the step, by the number of units that can take it,
    then any pair of different units.

    Sieberling, Kuznedelev, Kurtic, Alistarh: EvoPress: Accurate Dynamic Model Compression via
    Evolutionary Search, ICML 2025, https://arxiv.org/abs/2410.14649.

    Attributes:
        costs: Cost of each unit's levels.
        groups: The group of each unit, from 0.
        most: Maximum number of pairs; the number is the smaller of two uniform draws.
        owners: Of each unit the place of its owner, or -1; empty if none has one.
    """

    costs: Costs
    groups: tuple[int, ...]
    most: int = 3
    owners: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        positive(most=self.most)

    def vary(self, parents: Sequence[Parent[Levels]], n: int, seed: int) -> Offspring[Levels]:
        """Return ``n`` children; several parents take turns. Where nothing can move, a copy."""
        rng, turns = np.random.default_rng(seed), in_turn(parents, n)
        rows = rows_of(parents, turns)
        for moving in moves(n, self.most, rng):
            rows[moving] = self._swapped(rows[moving], rng)
        return Offspring(apart(rows), parents=[[i] for i in turns])

    def _swapped(self, rows: Levels, rng: np.random.Generator) -> Levels:
        """Return rows with one pair moved in each that has one."""
        steps = _steps(self.costs, self.groups)
        able, units = movable(rows, self.owners), np.arange(rows.shape[1])
        up = np.where(able, steps[units, rows], -1)
        down = np.where(able & (rows > 0), steps[units, np.maximum(rows - 1, 0)], -1)
        kinds = int(steps.max(initial=0)) + 1
        ups, downs = counts(up, kinds), counts(down, kinds)
        both = counts(np.where(up == down, up, -1), kinds)
        step = drawn(np.where(ups * downs > both, ups + downs - both, 0), rng)
        can = np.flatnonzero(step >= 0)
        rows, step = rows.copy(), step[can][:, None]
        rises, falls = up[can] == step, down[can] == step
        partners = falls.sum(axis=1, keepdims=True) - falls
        raised = drawn(np.where(rises, partners, 0), rng)
        falls[np.arange(len(can)), raised] = False
        rows[can, raised] += 1
        rows[can, drawn(falls, rng)] -= 1
        return rows


@lru_cache(maxsize=16)
def _steps(costs: Costs, groups: tuple[int, ...]) -> NDArray[np.int64]:
    """Return by unit and level a number for the step up, equal for equal groups and costs.

    It is -1 at a unit's highest level.
    """
    table, known = table_of(costs), dict[tuple[int, int], int]()
    steps = np.full(table.costs.shape, -1, np.int64)
    for unit, (row, group) in enumerate(zip(costs, groups, strict=True)):
        for level in range(len(row) - 1):
            step = group, row[level + 1] - row[level]
            steps[unit, level] = known.setdefault(step, len(known))
    return steps
