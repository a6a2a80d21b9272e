"""Classical variation of vectors in the unit cube."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.types import Individual, Offspring, Parent, merit_of
from operators.masks import apart, in_turn, paired
from operators.streams import Streams

Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Uniform:
    """Samples the unit cube uniformly, ignoring the parents.

    Attributes:
        dimension: Length of the vectors.
        skip: Number of vectors of the seed's stream to skip, so that several calls can share a
            seed.
    """

    dimension: int
    skip: int = 0

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Vector]:
        """Return ``n`` vectors: numbers ``skip`` to ``skip + n`` of the seed's stream."""
        stream = np.random.default_rng(seed).random((self.skip + n, self.dimension))
        return Offspring([row.copy() for row in stream[self.skip :]])


@dataclass(frozen=True, slots=True)
class Given:
    """Returns given vectors: a user's starting points, or another optimiser's samples.

    Attributes:
        points: The vectors.
        name: Name under which the vectors are recorded.
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
    elementwise = True

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return ``n`` children; several parents take turns."""
        return self.vary_many(parents, n, [seed])

    def vary_many(
        self, parents: Sequence[Parent[Vector]], n: int, seeds: Sequence[int]
    ) -> Offspring[Vector]:
        """Do a job per seed; see ``evollm.types.Elementwise``."""
        turns = in_turn(parents, n, len(seeds))
        centres = np.array([parents[i].genome for i in turns])
        noise = Streams(seeds).normal(n, *centres.shape[1:]).reshape(centres.shape)
        children = np.clip(centres + self.sigma * noise, 0.0, 1.0)
        if self.resolution:
            children = np.floor(children * self.resolution + 0.5) / self.resolution
        return Offspring(apart(children), parents=[[i] for i in turns])


@dataclass(frozen=True, slots=True)
class Centroid:
    """Averages the best parents: classical recombination, as a control without a model.

    Attributes:
        best: Number of parents to average.
    """

    best: int = 4

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return one child, the mean of the fittest parents with a score."""
        scored = {p.id: i for i, p in enumerate(parents) if isinstance(p, Individual)}
        places = sorted(sorted(scored.values()), key=lambda i: merit_of(parents[i]), reverse=True)
        places = places[: self.best]
        mean = np.mean([parents[i].genome for i in places], axis=0)
        return Offspring([mean][:n], parents=[places][:n])


@dataclass(frozen=True, slots=True)
class SimulatedBinary:
    """Crosses two parents coordinate-wise, similar to a one-point crossover of bit strings.

    Deb, Agrawal: Simulated Binary Crossover for Continuous Search Space, 1995.

    Attributes:
        eta: Distribution index, 0 or more; with a larger one, children are nearer to their parents.
    """

    eta: float = 15.0
    elementwise = True

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return ``n`` children; pairs of consecutive parents take turns, for two children each."""
        return self.vary_many(parents, n, [seed])

    def vary_many(
        self, parents: Sequence[Parent[Vector]], n: int, seeds: Sequence[int]
    ) -> Offspring[Vector]:
        """Do a job per seed; see ``evollm.types.Elementwise``."""
        one, other, own = paired(parents, n, len(seeds))
        drawn = Streams(seeds).random((n + 1) // 2, *one.shape[1:])
        u = np.repeat(drawn, 2, axis=1)[:, :n].reshape(one.shape)
        power = 1 / (self.eta + 1)
        beta = np.where(u < 0.5, (2 * u) ** power, (2 * (1 - u)) ** -power)
        children = np.clip((one + other) / 2 + beta * (one - other) / 2, 0.0, 1.0)
        return Offspring(apart(children), parents=own)


@dataclass(frozen=True, slots=True)
class Differential:
    """Adds the difference of two parents to a third, and mixes in the first (DE/rand/1/bin).

    Storn, Price: Differential Evolution, 1997.

    Attributes:
        weight: Factor of the difference.
        rate: Probability that a coordinate comes from the mutant; at least one does.
    """

    weight: float = 0.8
    rate: float = 0.9
    elementwise = True

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return ``n`` children of four parents (target, base and two for the difference)."""
        return self.vary_many(parents, n, [seed])

    def vary_many(
        self, parents: Sequence[Parent[Vector]], n: int, seeds: Sequence[int]
    ) -> Offspring[Vector]:
        """Do a job per seed; see ``evollm.types.Elementwise``."""
        arity = len(parents) // len(seeds)
        if arity < 4:
            raise EvollmError(f"differential evolution needs four parents, not {arity}")
        firsts = range(0, len(parents), arity)
        target, base, one, other = (
            np.array([parents[first + i].genome for first in firsts])[:, None] for i in range(4)
        )
        streams, length = Streams(seeds), target.shape[2]
        mutant = np.clip(base + self.weight * (one - other), 0.0, 1.0)
        mixed = streams.random(n, length) < self.rate
        np.put_along_axis(mixed, streams.integers(length, n, 1), True, axis=2)
        children = np.where(mixed, mutant, target).reshape(-1, length)
        own = [list(range(first, first + 4)) for first in firsts for _ in range(n)]
        return Offspring(apart(children), parents=own)
