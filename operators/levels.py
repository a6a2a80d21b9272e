"""Classical variation of level vectors: whole numbers with a fixed sum."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.types import Offspring, Parent

Levels: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RandomLevels:
    """Draws random level vectors with a given sum.

    Attributes:
        length: Of a vector.
        total: The sum of its levels.
        low: The smallest level.
        high: The largest level.
    """

    length: int
    total: int
    low: int = 0
    high: int = 10

    def __post_init__(self) -> None:
        if not self.low * self.length <= self.total <= self.high * self.length:
            raise EvollmError(
                f"{self.length} levels from {self.low} to {self.high} can't have the sum "
                f"{self.total}: choose one from {self.low * self.length} to "
                f"{self.high * self.length}"
            )

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Levels]:
        """Return ``n`` vectors, ignoring the parents."""
        rng = np.random.default_rng(seed)
        return Offspring([self._drawn(rng) for _ in range(n)])

    def _drawn(self, rng: np.random.Generator) -> Levels:
        levels = np.full(self.length, self.low, dtype=np.int64)
        for _ in range(self.total - self.low * self.length):
            levels[rng.choice(np.flatnonzero(levels < self.high))] += 1
        return levels


@dataclass(frozen=True, slots=True)
class LevelSwap:
    """Raises some levels by one and lowers as many others, so that the sum is unchanged.

    Attributes:
        low: The smallest level.
        high: The largest level.
        most: Maximum number of changed pairs; the number is the smaller of two uniform draws.
        groups: The group of each place, if only places of the same group may form a pair (such as
            layers of equal size); empty for a single group.
    """

    low: int = 0
    high: int = 10
    most: int = 3
    groups: tuple[int, ...] = ()

    def vary(self, parents: Sequence[Parent[Levels]], n: int, seed: int) -> Offspring[Levels]:
        """Return ``n`` children; several parents take turns."""
        rng = np.random.default_rng(seed)
        turns = [i % len(parents) for i in range(n)]
        children = [self._switched(parents[i].genome, rng) for i in turns]
        return Offspring(children, parents=[[i] for i in turns])

    def _switched(self, levels: Levels, rng: np.random.Generator) -> Levels:
        child = np.array(levels, dtype=np.int64)
        groups = np.array(self.groups or [0] * len(child))
        for _ in range(1 + int(rng.integers(self.most, size=2).min())):
            above = child < self.high
            up = _drawn(above & _has(groups, child > self.low, above), rng)
            if up is None:
                break
            trade = (child > self.low) & (groups == groups[up])
            trade[up] = False
            down = _drawn(trade, rng)
            if down is not None:
                child[up] += 1
                child[down] -= 1
        return child


@dataclass(frozen=True, slots=True)
class LevelCrossover:
    """Recombines two parents with the same sum, and repairs the child's sum by single steps.

    Attributes:
        low: The smallest level.
        high: The largest level.
    """

    low: int = 0
    high: int = 10

    def vary(self, parents: Sequence[Parent[Levels]], n: int, seed: int) -> Offspring[Levels]:
        """Return ``n`` children with the first parent's sum, repaired where parents differ."""
        rng = np.random.default_rng(seed)
        one, other = parents[0].genome, parents[-1].genome
        coins = rng.random((n, len(one))) < 0.5
        children = [
            self._repaired(np.where(coin, one, other), int(one.sum()), one, other, rng)
            for coin in coins
        ]
        return Offspring(children)

    def _repaired(
        self, child: Levels, total: int, one: Levels, other: Levels, rng: np.random.Generator
    ) -> Levels:
        while step := int(np.sign(total - child.sum())):
            between = child + step <= np.maximum(one, other)
            between &= child + step >= np.minimum(one, other)
            within = (child + step >= self.low) & (child + step <= self.high)
            place = _drawn(between & within, rng)
            if place is None:
                place = _drawn(within, rng)
            if place is None:
                raise EvollmError(
                    f"levels from {self.low} to {self.high} can't have the parents' sum {total}: "
                    "widen the range"
                )
            child[place] += step
        return child


def _drawn(choices: NDArray[np.bool_], rng: np.random.Generator) -> int | None:
    """Return the index of a random true value, or None."""
    places = np.flatnonzero(choices)
    return int(rng.choice(places)) if len(places) else None


def _has(
    groups: NDArray[Any], wanted: NDArray[np.bool_], own: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return for each place whether another place of its group is eligible."""
    counts = np.bincount(groups, wanted, minlength=int(groups.max()) + 1)
    found: NDArray[np.bool_] = counts[groups] - (wanted & own) > 0
    return found
