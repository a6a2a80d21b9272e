"""Classical variation of vectors in the unit cube."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.types import Individual, Offspring, Parent

Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Uniform:
    """Samples the unit cube evenly, whatever the parents.

    Attributes:
        dimension: Length of the vectors.
        skip: How many vectors of the seed's stream to pass over, so that one seed serves several
            calls.
    """

    dimension: int
    skip: int = 0

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Vector]:
        """Return ``n`` vectors: numbers ``skip`` to ``skip + n`` of the seed's stream."""
        stream = np.random.default_rng(seed).random((self.skip + n, self.dimension))
        return Offspring([row.copy() for row in stream[self.skip :]])


@dataclass(frozen=True, slots=True)
class Given:
    """Hands out vectors that are known: a user's starting points, another optimiser's samples.

    Attributes:
        points: The vectors.
        name: Under which name the vectors are recorded.
    """

    points: tuple[tuple[float, ...], ...]
    name: str = "Given"

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Vector]:
        """Return the first ``n`` vectors."""
        return Offspring([np.array(point, dtype=np.float64) for point in self.points[:n]])


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Takes an isotropic normal step from a parent, clipped to the unit cube.

    Attributes:
        sigma: Standard deviation of every coordinate, in widths of the cube.
        resolution: If positive, children are rounded to multiples of ``1 / resolution``.
    """

    sigma: float
    resolution: int = 0

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return ``n`` children; several parents take turns."""
        turns = [i % len(parents) for i in range(n)]
        centres = np.array([parents[i].genome for i in turns])
        noise = np.random.default_rng(seed).standard_normal(centres.shape)
        children = np.clip(centres + self.sigma * noise, 0.0, 1.0)
        if self.resolution:
            children = np.floor(children * self.resolution + 0.5) / self.resolution
        return Offspring([child.copy() for child in children], parents=[[i] for i in turns])


@dataclass(frozen=True, slots=True)
class Centroid:
    """Averages the best parents: classical recombination, a control for what a model adds.

    Attributes:
        best: How many of the parents count.
    """

    best: int = 4

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return one child, the mean of the fittest among the parents that have a score."""
        scored = {p.id: (-p.fitness, i) for i, p in enumerate(parents) if isinstance(p, Individual)}
        places = [i for _, i in sorted(scored.values())[: self.best]]
        mean = np.mean([parents[i].genome for i in places], axis=0)
        return Offspring([mean][:n], parents=[places][:n])
