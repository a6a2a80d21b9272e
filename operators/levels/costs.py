"""Costs of levels as tables, and draws of a place in each of many rows."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.types import Parent

Levels: TypeAlias = NDArray[np.int64]
Costs: TypeAlias = tuple[tuple[int, ...], ...]
"""Of each unit the cost of its levels, rising."""
Flags: TypeAlias = NDArray[np.bool_]


class Table(NamedTuple):
    """Costs as arrays.

    Attributes:
        costs: By unit and level; past the highest level its cost again.
        tops: The highest level of each unit.
    """

    costs: NDArray[np.int64]
    tops: Levels

    def at(self, rows: Levels) -> NDArray[np.int64]:
        """Return the cost of each unit of each row."""
        return self.costs[np.arange(len(self.tops)), rows]

    def saved(self, rows: Levels) -> NDArray[np.int64]:
        """Return what each unit would cost less a level lower."""
        return self.at(rows) - self.at(np.maximum(rows - 1, 0))


@lru_cache(maxsize=16)
def table_of(costs: Costs) -> Table:
    """Return costs as arrays; computed once."""
    most = max(map(len, costs))
    filled = [[*row, *[row[-1]] * (most - len(row))] for row in costs]
    return Table(np.array(filled, np.int64), np.array([len(row) - 1 for row in costs], np.int64))


def rows_of(parents: Sequence[Parent[Levels]], turns: Sequence[int]) -> Levels:
    """Return a row for each child: the genome of its parent, by the places in ``turns``."""
    genomes = np.array([one.genome for one in parents], np.int64)
    return genomes[turns] if turns else genomes[:0]


def moves(n: int, most: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return for each move the rows that make it; each makes the smaller of two draws."""
    drawn_counts = 1 + rng.integers(most, size=(2, n)).min(axis=0)
    return [np.flatnonzero(drawn_counts > move) for move in range(most)]


def active(rows: Levels, owners: tuple[int, ...]) -> Flags:
    """Return which units of each row count: those whose owner, if any, is above level 0."""
    if not owners:
        return np.ones(rows.shape, np.bool_)
    own = np.array(owners)
    found: Flags = (own < 0) | (rows[:, np.maximum(own, 0)] > 0)
    return found


def movable(rows: Levels, owners: tuple[int, ...]) -> Flags:
    """Return which units of each row may move by themselves: active ones that own no other."""
    free = active(rows, owners)
    free[:, [place for place in set(owners) if place >= 0]] = False
    return free


def costs_of(table: Table, rows: Levels, owners: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the cost of each row."""
    costs: NDArray[np.int64] = np.where(active(rows, owners), table.at(rows), 0).sum(axis=1)
    return costs


def lowered(
    table: Table,
    rows: Levels,
    budget: int,
    owners: tuple[int, ...],
    rng: np.random.Generator,
    floor: Levels,
) -> Flags:
    """Lower random units in place, a step at a time, until the rows cost at most the budget.

    Args:
        table: Costs of the levels.
        rows: The vectors.
        budget: Maximum cost.
        owners: Of each unit the place of its owner, or -1.
        rng: Draws the units.
        floor: The lowest level of each unit of each row.

    Returns:
        Which rows are within the budget.
    """
    while True:
        over = costs_of(table, rows, owners) > budget
        open_ = np.flatnonzero(over)
        places = drawn(movable(rows[open_], owners) & (rows[open_] > floor[open_]), rng)
        open_, places = open_[places >= 0], places[places >= 0]
        if not len(open_):
            return ~over
        rows[open_, places] -= 1


def counts(kinds: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return how often each kind from 0 occurs in each row; -1 is none."""
    places = np.arange(len(kinds))[:, None] * size + kinds
    counted = np.bincount(places[kinds >= 0], minlength=len(kinds) * size)
    return counted.reshape(len(kinds), size)


def drawn(weights: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw a place in each row by whole weights; -1 where all are 0."""
    sums = np.cumsum(weights, axis=1, dtype=np.int64)
    totals = sums[:, -1]
    targets = (rng.random(len(sums)) * totals).astype(np.int64)
    places = (sums <= targets[:, None]).sum(axis=1)
    return np.where(totals > 0, places, -1)
