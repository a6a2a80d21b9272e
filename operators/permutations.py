"""Classical variation of permutations: arrays that contain each of 0 to n - 1 once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.types import Offspring, Parent

Order: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RandomOrders:
    """Draws random permutations, ignoring the parents.

    Attributes:
        length: Of a permutation.
    """

    length: int

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Order]:
        """Return ``n`` permutations, ignoring the parents."""
        rng = np.random.default_rng(seed)
        return Offspring([rng.permutation(self.length).astype(np.int64) for _ in range(n)])


@dataclass(frozen=True, slots=True)
class Swap:
    """Exchanges pairs of places.

    Attributes:
        pairs: Number of pairs.
    """

    pairs: int = 1

    def vary(self, parents: Sequence[Parent[Order]], n: int, seed: int) -> Offspring[Order]:
        """Return ``n`` children; several parents take turns."""
        rng = np.random.default_rng(seed)
        turns = [i % len(parents) for i in range(n)]
        children = [self._swapped(order_of(parents[i]), rng) for i in turns]
        return Offspring(children, parents=[[i] for i in turns])

    def _swapped(self, child: Order, rng: np.random.Generator) -> Order:
        for _ in range(self.pairs if len(child) > 1 else 0):
            i, j = rng.choice(len(child), 2, replace=False)
            child[[i, j]] = child[[j, i]]
        return child


@dataclass(frozen=True, slots=True)
class Reverse:
    """Reverses a random segment: the 2-opt move, for tours."""

    def vary(self, parents: Sequence[Parent[Order]], n: int, seed: int) -> Offspring[Order]:
        """Return ``n`` children; several parents take turns."""
        rng = np.random.default_rng(seed)
        turns = [i % len(parents) for i in range(n)]
        children = []
        for i in turns:
            child = order_of(parents[i])
            first, last = np.sort(rng.integers(len(child) + 1, size=2))
            child[first:last] = child[first:last][::-1]
            children.append(child)
        return Offspring(children, parents=[[i] for i in turns])


@dataclass(frozen=True, slots=True)
class OrderCrossover:
    """Keeps a segment of one parent, and the other parent's order for the rest (OX).

    Davis: Applying Adaptive Algorithms to Epistatic Domains, 1985.
    """

    def vary(self, parents: Sequence[Parent[Order]], n: int, seed: int) -> Offspring[Order]:
        """Return ``n`` children of the first two parents, which take turns as the first."""
        if len(parents) < 2:
            raise EvollmError(f"a crossover needs two parents, not {len(parents)}")
        rng = np.random.default_rng(seed)
        pair = [order_of(parents[0]), order_of(parents[1])]
        if len(pair[0]) != len(pair[1]):
            raise EvollmError(
                f"a crossover needs equally long permutations, not {len(pair[0])}, {len(pair[1])}"
            )
        children = [_crossed(pair[i % 2], pair[1 - i % 2], rng) for i in range(n)]
        return Offspring(children, parents=[[0, 1]] * n)


def order_of(parent: Parent[Any]) -> Order:
    """Return a copy of a parent's permutation (an array, a list or a tuple) as an array.

    Raises:
        EvollmError: If it does not contain each of 0 to n - 1 once.
    """
    order = np.array(parent.genome)
    if order.ndim != 1 or not np.array_equal(np.sort(order), np.arange(len(order))):
        raise EvollmError(
            f"a permutation must contain each of 0 to n - 1 once, unlike {str(parent.genome)[:60]}"
        )
    return order.astype(np.int64)


def _crossed(one: Order, other: Order, rng: np.random.Generator) -> Order:
    first, last = np.sort(rng.integers(len(one) + 1, size=2))
    child = one.copy()
    rest = np.roll(other, -last)
    rest = rest[~np.isin(rest, one[first:last])]
    places = np.roll(np.arange(len(one)), -last)[: len(rest)]
    child[places] = rest
    return child
