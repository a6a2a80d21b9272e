"""A step to the minimum of a quadratic function fitted to points."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from evollm.types import Offspring, Parent, fitness_of
from operators.vectors.rows import Vector

MORE = 1.5
"""Points in a fit, for each of its coefficients."""


def points_of(dimension: int) -> int:
    """Return how many points a fit takes.

    Args:
        dimension: Of the points.
    """
    return ceil(MORE * (dimension + 1) * (dimension + 2) / 2)


@dataclass(frozen=True, slots=True)
class QuadraticStep:
    """Fits a quadratic function to all parents, and returns the point where it is the least.

    The point is kept within the box of the parents, widened by half its width on each side, and
    within the unit cube. There is none if there are fewer parents than ``points_of``, if they do
    not determine the function, or if it has no minimum.
    """

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return one point or none, whatever the seed."""
        rows = np.array([parent.genome for parent in parents], dtype=np.float64)
        values = -np.array([fitness_of(parent) for parent in parents])
        if n < 1 or not len(rows) or len(rows) < points_of(rows.shape[1]):
            return Offspring([])
        place = lowest(rows, values)
        if place is None or np.abs(rows - place).max(axis=1).min() == 0:
            return Offspring([])
        return Offspring([place], parents=[list(range(len(rows)))])


def lowest(rows: Vector, values: Vector) -> Vector | None:
    """Return where a quadratic function fitted by least squares is the least; None if nowhere.

    Args:
        rows: Shape ``(points, D)``, within the unit cube.
        values: Finite; of each point.
    """
    low, high = rows.min(axis=0), rows.max(axis=0)
    width = high - low
    if not (np.isfinite(values).all() and (width > 0).all() and values.max() > values.min()):
        return None
    z = (rows - low) / width
    first, second = np.triu_indices(rows.shape[1])
    terms = np.column_stack([np.ones(len(z)), z, z[:, first] * z[:, second]])
    scaled = (values - values.min()) / (values.max() - values.min())
    found, _, rank, _ = np.linalg.lstsq(terms, scaled, rcond=1e-10)
    if rank < terms.shape[1]:
        return None
    slope, bends = found[1 : 1 + rows.shape[1]], found[1 + rows.shape[1] :]
    curves: NDArray[np.float64] = np.zeros((len(slope), len(slope)))
    curves[first, second] += bends
    curves[second, first] += bends
    if np.linalg.eigvalsh(curves)[0] <= 1e-9:
        return None
    place = np.clip(-np.linalg.solve(curves, slope), -0.5, 1.5)
    return np.asarray(np.clip(low + width * place, 0.0, 1.0))
