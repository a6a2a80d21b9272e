"""A step to the minimum of a quadratic function fitted to points."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from evollm.evaluation.constraints import comparable
from evollm.types import Offspring, Parent
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

    The point is the least one within the box of the parents, widened by half its width on each
    side, moved into the unit cube.
    """

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return one point, whatever the seed; none if ``step`` finds none."""
        place = step(parents) if n else None
        if place is None:
            return Offspring([])
        return Offspring([place], parents=[list(range(len(parents)))])


def step(parents: Sequence[Parent[Vector]]) -> Vector | None:
    """Return a new point; see ``QuadraticStep``.

    There is none if there are fewer parents than ``points_of``, if they do not determine the
    function, if it has no minimum, or if that is one of them.
    """
    rows = np.array([parent.genome for parent in parents], dtype=np.float64)
    if not len(rows) or len(rows) < points_of(rows.shape[1]):
        return None
    place = lowest(rows, -np.array(comparable(parents)))
    known = place is not None and (rows == place).all(axis=1).any()
    return None if known else place


def lowest(rows: Vector, values: Vector) -> Vector | None:
    """Return where a quadratic function fitted by least squares is the least in the widened box.

    None if the function has no minimum anywhere.

    Args:
        rows: Shape ``(points, D)``, within the unit cube.
        values: Finite; of each point.
    """
    from scipy.optimize import lsq_linear  # type: ignore[import-untyped]

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
    root = np.linalg.cholesky(curves)
    place = lsq_linear(root.T, -np.linalg.solve(root, slope), bounds=(-0.5, 1.5)).x
    return np.asarray(np.clip(low + width * place, 0.0, 1.0))
