"""Simulated searches on made-up functions: what a search may know when a model is asked."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from problems.blackbox.prior.landscapes import Landscape

WARMUP, OFFSPRING = 10, 5
"""Points before the first generation, and in each, as in ``Framed``."""
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Walk:
    """The points of a search, and what they cost.

    Attributes:
        points: Of shape ``(points, D)``, in the order of evaluation.
        values: Of each; smaller is better.
    """

    points: Points
    values: Points

    def best(self, count: int) -> Points:
        """Return the best points, the least fit first; of equal ones the older is fitter."""
        order = np.argsort(self.values, kind="stable")[:count]
        return np.asarray(self.points[order[::-1]])


def walk(landscape: Landscape, size: int, rng: Generator) -> Walk:
    """Search a landscape: uniform points, then generations of steps of one kind.

    Steps go around the best point, around the mean of the best, or around a guess of the optimum,
    as a trained model would make it.

    Args:
        landscape: What to search.
        size: Number of points.
        rng: The source of randomness.
    """
    dimension = len(landscape.optimum)
    points = rng.random((min(WARMUP, size), dimension))
    values = landscape.value(points)
    kinds = rng.dirichlet((0.7, 0.7, 1.2))
    while len(points) < size:
        children = _children(landscape.optimum, points, values, kinds, rng)[: size - len(points)]
        points = np.concatenate([points, children])
        values = np.concatenate([values, landscape.value(children)])
    return Walk(points, values)


def _children(
    optimum: Points, points: Points, values: Points, kinds: Points, rng: Generator
) -> Points:
    order = np.argsort(values, kind="stable")
    best = points[order[:5]]
    spread = np.maximum(best.std(axis=0), 1e-9)
    kind = rng.choice(3, p=kinds)
    drawn = rng.standard_normal((OFFSPRING, points.shape[1]))
    if kind == 0:
        found = best[0] + spread * rng.uniform(0.2, 1.5) * drawn
    elif kind == 1:
        found = best.mean(axis=0) + spread * rng.uniform(0.3, 2.0) * drawn
    else:
        reach = np.minimum(np.abs(optimum - best.mean(axis=0)), 3 * spread)
        guess = best.mean(axis=0) + np.sign(optimum - best.mean(axis=0)) * reach
        found = guess + spread * rng.uniform(0.05, 1.0) * drawn
    return np.asarray(np.clip(found, 0.0, 1.0))
