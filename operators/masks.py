"""Classical variation of masks: arrays of truth values that say what is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.types import EvollmError, Offspring, Parent

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RandomMasks:
    """Draws masks anew.

    Attributes:
        length: Of a mask.
        share: Probability that a place is kept.
    """

    length: int
    share: float = 0.5

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Mask]:
        """Return ``n`` masks, whatever the parents."""
        drawn = np.random.default_rng(seed).random((n, self.length)) < self.share
        return Offspring(list(drawn))


@dataclass(frozen=True, slots=True)
class FlipBits:
    """Flips each place of a parent with a small probability, and at least one place.

    Attributes:
        rate: Probability of each flip; None for one over the length.
    """

    rate: float | None = None

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return ``n`` children; several parents take turns."""
        rng = np.random.default_rng(seed)
        turns = [i % len(parents) for i in range(n)]
        if not n:
            return Offspring([])
        genomes = np.array([parents[i].genome for i in turns])
        length = genomes.shape[1]
        flips = rng.random(genomes.shape) < (1 / length if self.rate is None else self.rate)
        still = np.flatnonzero(~flips.any(axis=1))
        flips[still, rng.integers(length, size=len(still))] = True
        return Offspring(list(genomes ^ flips), parents=[[i] for i in turns])


@dataclass(frozen=True, slots=True)
class Prune:
    """Drops a few places that a parent keeps.

    Attributes:
        least: Fewest places dropped.
        most: Most places dropped; the number is drawn evenly between.
        floor: How many places a child keeps at least.
    """

    least: int = 1
    most: int = 4
    floor: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise EvollmError(f"prune from 1 to more places, not {self.least} to {self.most}")

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return up to ``n`` children; parents that have nothing to lose give none."""
        rng = np.random.default_rng(seed)
        children, own = [], []
        for i in range(n):
            place = i % len(parents)
            kept = np.flatnonzero(parents[place].genome)
            size = min(int(rng.integers(self.least, self.most + 1)), len(kept) - self.floor)
            if size > 0:
                child = parents[place].genome.copy()
                child[rng.choice(kept, size, replace=False)] = False
                children.append(child)
                own.append([place])
        missing = n - len(children)
        return Offspring(children, (), {"nothing to prune": missing} if missing else {}, own)


@dataclass(frozen=True, slots=True)
class UniformCrossover:
    """Takes every place from one of two parents, by a coin.

    Works on any arrays of one shape: masks, level vectors, vectors.

    Attributes:
        rate: Probability that a place comes from the second parent.
    """

    rate: float = 0.5

    def vary(
        self, parents: Sequence[Parent[NDArray[Any]]], n: int, seed: int
    ) -> Offspring[NDArray[Any]]:
        """Return ``n`` children of the first two parents."""
        rng = np.random.default_rng(seed)
        one, other = _two(parents)
        picks = rng.random((n, len(one))) < self.rate
        return Offspring(list(np.where(picks, other, one)), parents=[[0, 1]] * n)


@dataclass(frozen=True, slots=True)
class PointCrossover:
    """Cuts two parents at the same random points, and joins their parts in turn.

    Attributes:
        points: How many cuts.
    """

    points: int = 2

    def vary(
        self, parents: Sequence[Parent[NDArray[Any]]], n: int, seed: int
    ) -> Offspring[NDArray[Any]]:
        """Return ``n`` children of the first two parents, starting with each in turn."""
        rng = np.random.default_rng(seed)
        pair = _two(parents)
        length = len(pair[0])
        cuts = min(self.points, length - 1)
        children = []
        for i in range(n):
            side = np.zeros(length, dtype=int)
            for place in rng.choice(max(length - 1, 1), max(cuts, 0), replace=False):
                side[place + 1 :] ^= 1
            children.append(np.where(side ^ (i % 2), pair[1], pair[0]))
        return Offspring(children, parents=[[0, 1]] * n)


def _two(parents: Sequence[Parent[NDArray[Any]]]) -> tuple[NDArray[Any], NDArray[Any]]:
    if len(parents) < 2:
        raise EvollmError(f"a crossover needs two parents, not {len(parents)}: set the arity to 2")
    one, other = parents[0].genome, parents[1].genome
    if one.shape != other.shape:
        raise EvollmError(f"a crossover needs genomes of one shape, not {one.shape}, {other.shape}")
    return one, other
