"""Classical variation of masks: Boolean arrays that mark what is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.types import Offspring, Parent
from operators.streams import Streams

Mask: TypeAlias = NDArray[np.bool_]
Row: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class RandomMasks:
    """Draws random masks, ignoring the parents.

    Attributes:
        length: Of a mask.
        share: Probability that a place is kept.
    """

    length: int
    share: float = 0.5

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Mask]:
        """Return ``n`` masks, ignoring the parents."""
        drawn = np.random.default_rng(seed).random((n, self.length)) < self.share
        return Offspring(list(drawn))


@dataclass(frozen=True, slots=True)
class FlipBits:
    """Flips each place of a parent with a small probability, and at least one place.

    Attributes:
        rate: Probability of each flip; None for 1 / length.
    """

    rate: float | None = None
    elementwise = True

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return ``n`` children; several parents take turns."""
        return self.vary_many(parents, n, [seed])

    def vary_many(
        self, parents: Sequence[Parent[Mask]], n: int, seeds: Sequence[int]
    ) -> Offspring[Mask]:
        """Do a job per seed; see ``evollm.types.Elementwise``."""
        if not n:
            return Offspring([])
        turns, streams = in_turn(parents, n, len(seeds)), Streams(seeds)
        genomes = np.array([parents[i].genome for i in turns], dtype=np.bool_)
        length = genomes.shape[1]
        drawn, spare = streams.random(n, length), streams.integers(length, n).ravel()
        flips = drawn.reshape(genomes.shape) < (1 / length if self.rate is None else self.rate)
        still = np.flatnonzero(~flips.any(axis=1))
        flips[still, spare[still]] = True
        return Offspring(apart(genomes ^ flips), parents=[[i] for i in turns])


@dataclass(frozen=True, slots=True)
class Prune:
    """Removes a few places that a parent keeps.

    Attributes:
        least: Minimum number of removed places.
        most: Maximum number of removed places; the number is drawn uniformly from the range.
        floor: Minimum number of places that a child keeps.
        draws: How often a number is drawn at most until it leaves the floor; then the child is not
            made.
    """

    least: int = 1
    most: int = 4
    floor: int = 1
    draws: int = 10

    def __post_init__(self) -> None:
        positive(draws=self.draws)
        if not 1 <= self.least <= self.most:
            raise EvollmError(
                f"least must be at least 1 and at most {self.most} (most), not {self.least}"
            )

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return up to ``n`` children; parents with too little to drop may give none."""
        rng = np.random.default_rng(seed)
        children, own = [], []
        for i in range(n):
            place = i % len(parents)
            mask = np.array(parents[place].genome, dtype=np.bool_)
            kept = np.flatnonzero(mask)
            drawn = rng.integers(self.least, self.most + 1, self.draws)
            fitting = drawn[drawn <= len(kept) - self.floor]
            if size := int(fitting[0]) if len(fitting) else 0:
                mask[rng.choice(kept, size, replace=False)] = False
                children.append(mask)
                own.append([place])
        missing = n - len(children)
        return Offspring(children, (), {"nothing to prune": missing} if missing else {}, own)


@dataclass(frozen=True, slots=True)
class UniformCrossover:
    """Takes each place from one of two parents at random.

    Works on any arrays of the same shape: masks, level vectors, vectors.

    Attributes:
        rate: Probability that a place comes from the second parent.
    """

    rate: float = 0.5
    elementwise = True

    def vary(self, parents: Sequence[Parent[Row]], n: int, seed: int) -> Offspring[Row]:
        """Return ``n`` children; pairs of consecutive parents take turns, for two children each."""
        return self.vary_many(parents, n, [seed])

    def vary_many(
        self, parents: Sequence[Parent[Row]], n: int, seeds: Sequence[int]
    ) -> Offspring[Row]:
        """Do a job per seed; see ``evollm.types.Elementwise``."""
        one, other, own = paired(parents, n, len(seeds))
        picks = Streams(seeds).random(n, *one.shape[1:]).reshape(one.shape) < self.rate
        return Offspring(apart(np.where(picks, other, one)), parents=own)


@dataclass(frozen=True, slots=True)
class PointCrossover:
    """Cuts two parents at the same random points, and joins their segments alternately.

    Attributes:
        points: Number of cuts.
    """

    points: int = 2
    elementwise = True

    def vary(self, parents: Sequence[Parent[Row]], n: int, seed: int) -> Offspring[Row]:
        """Return ``n`` children; pairs of consecutive parents take turns, for two children each."""
        return self.vary_many(parents, n, [seed])

    def vary_many(
        self, parents: Sequence[Parent[Row]], n: int, seeds: Sequence[int]
    ) -> Offspring[Row]:
        """Do a job per seed; see ``evollm.types.Elementwise``."""
        one, other, own = paired(parents, n, len(seeds))
        inner = max(one.shape[1] - 1, 0)
        cuts = min(self.points, inner)
        marks = np.zeros(one.shape, dtype=np.int8)
        if n and cuts > 0:
            drawn = Streams(seeds).random(n, inner).reshape(-1, inner)
            places = np.argpartition(drawn, cuts - 1, axis=1)[:, :cuts]
            marks[np.arange(len(marks))[:, None], places + 1] = 1
        turned = np.cumsum(marks, axis=1, dtype=np.int8) % 2 == 1
        return Offspring(apart(np.where(turned, other, one)), parents=own)


def in_turn(parents: Sequence[Parent[Any]], n: int, groups: int = 1) -> list[int]:
    """Return the index of each child's parent if the parents of a group take turns.

    Args:
        parents: Groups of equal size, concatenated.
        n: Number of children per group.
        groups: How many there are.
    """
    arity = len(parents) // groups
    return [first + i % arity for first in range(0, groups * arity, arity) for i in range(n)]


def apart(rows: Row) -> list[Row]:
    """Return rows as separate arrays, so that none keeps the others in memory."""
    return [row.copy() for row in rows]


def paired(
    parents: Sequence[Parent[Row]], n: int, groups: int = 1
) -> tuple[Row, Row, list[list[int]]]:
    """Return the two parents of each child as rows, and their indices.

    Args:
        parents: Groups of equal size, concatenated; each has two parents, or several pairs.
        n: Number of children per group; of the two children of a pair, one begins with the first
            parent and one with the second.
        groups: How many there are.

    Raises:
        EvollmError: If a group does not consist of pairs, or the genomes differ in shape.
    """
    arity = len(parents) // groups
    if arity < 2:
        raise EvollmError(f"a crossover needs two parents, not {arity}: set the arity to 2")
    used = arity - arity % 2
    rows = _stacked([one.genome for place, one in enumerate(parents) if place % arity < used])
    children, group = np.arange(n), np.arange(groups)[:, None]
    first = 2 * (children // 2 % (used // 2)) + children % 2
    order = (group * used + first).ravel()
    own = np.stack([group * arity + first, group * arity + (first ^ 1)], axis=-1)
    return rows[order], rows[order ^ 1], own.reshape(-1, 2).tolist()


def _stacked(genomes: list[Row]) -> Row:
    try:
        rows = np.array(genomes)
    except ValueError:  # they differ in shape
        rows = np.empty(0)
    if rows.ndim < 2:
        shapes = sorted({np.shape(genome) for genome in genomes})
        raise EvollmError(f"a crossover needs arrays of the same shape, not {shapes}")
    return rows
