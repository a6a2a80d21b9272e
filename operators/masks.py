"""Classical variation of masks: Boolean arrays that say what is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.types import Offspring, Parent

Mask: TypeAlias = NDArray[np.bool_]
Row: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class RandomMasks:
    """Draws random masks, whatever the parents.

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
        genomes = np.array([parents[i].genome for i in turns], dtype=np.bool_)
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
        most: Most places dropped; the number is drawn uniformly between.
        floor: How many places a child keeps at least.
    """

    least: int = 1
    most: int = 4
    floor: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise EvollmError(
                f"least must be at least 1 and at most {self.most} (most), not {self.least}"
            )

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return up to ``n`` children; parents with nothing to drop give none."""
        rng = np.random.default_rng(seed)
        children, own = [], []
        for i in range(n):
            place = i % len(parents)
            mask = np.array(parents[place].genome, dtype=np.bool_)
            kept = np.flatnonzero(mask)
            size = min(int(rng.integers(self.least, self.most + 1)), len(kept) - self.floor)
            if size > 0:
                mask[rng.choice(kept, size, replace=False)] = False
                children.append(mask)
                own.append([place])
        missing = n - len(children)
        return Offspring(children, (), {"nothing to prune": missing} if missing else {}, own)


@dataclass(frozen=True, slots=True)
class UniformCrossover:
    """Takes each place from one of two parents at random.

    Works on any arrays of one shape: masks, level vectors, vectors.

    Attributes:
        rate: Probability that a place comes from the second parent.
    """

    rate: float = 0.5

    def vary(self, parents: Sequence[Parent[Row]], n: int, seed: int) -> Offspring[Row]:
        """Return ``n`` children; pairs of consecutive parents take turns, for two children each."""
        one, other, own = paired(parents, n)
        picks = np.random.default_rng(seed).random(one.shape) < self.rate
        return Offspring(list(np.where(picks, other, one)), parents=own)


@dataclass(frozen=True, slots=True)
class PointCrossover:
    """Cuts two parents at the same random points, and joins their parts in turn.

    Attributes:
        points: How many cuts.
    """

    points: int = 2

    def vary(self, parents: Sequence[Parent[Row]], n: int, seed: int) -> Offspring[Row]:
        """Return ``n`` children; pairs of consecutive parents take turns, for two children each."""
        one, other, own = paired(parents, n)
        inner = max(one.shape[1] - 1, 0)
        cuts = min(self.points, inner)
        marks = np.zeros(one.shape, dtype=np.int8)
        if n and cuts > 0:
            drawn = np.random.default_rng(seed).random((n, inner))
            places = np.argpartition(drawn, cuts - 1, axis=1)[:, :cuts]
            np.put_along_axis(marks, places + 1, 1, axis=1)
        turned = np.cumsum(marks, axis=1, dtype=np.int8) % 2 == 1
        return Offspring(list(np.where(turned, other, one)), parents=own)


def paired(parents: Sequence[Parent[Row]], n: int) -> tuple[Row, Row, list[list[int]]]:
    """Return the two parents of each child as rows, and their places.

    Args:
        parents: Two, or several pairs one after the other.
        n: How many children; of each pair one begins with the first parent and one with the second.

    Raises:
        EvollmError: If there are not two, or their genomes differ in shape.
    """
    if len(parents) < 2:
        raise EvollmError(f"a crossover needs two parents, not {len(parents)}: set the arity to 2")
    pairs = len(parents) // 2
    own = [[2 * (i // 2 % pairs) + i % 2, 2 * (i // 2 % pairs) + 1 - i % 2] for i in range(n)]
    shapes = {np.shape(parent.genome) for parent in parents[: 2 * pairs]}
    if len(shapes) > 1 or () in shapes:
        raise EvollmError(f"a crossover needs arrays of one shape, not {sorted(shapes)}")
    rows = np.array([parent.genome for parent in parents[: 2 * pairs]])
    order = np.array(own, dtype=int).reshape(n, 2)
    return rows[order[:, 0]], rows[order[:, 1]], own
