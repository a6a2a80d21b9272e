"""A step to the minimum of a quadratic function fitted to points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from evollm.evaluation.constraints import comparable
from evollm.types import Offspring, Parent
from operators.vectors.rows import Vector

MORE = 1.5
"""Points in a fit, for each of its coefficients."""
REACH = (-0.5, 1.5)
"""How far a step goes in each coordinate, in widths of the points' box from its lower side."""
FLAT = 1e-9
"""The least curvature that counts, of points and values scaled to a width of one."""


def points_of(dimension: int) -> int:
    """Return how many points a fit takes at most: that of a quadratic function with mixed terms.

    Args:
        dimension: Of the points.
    """
    return ceil(MORE * (dimension + 1) * (dimension + 2) / 2)


def fewest_of(dimension: int) -> int:
    """Return how many points a fit takes at least: that of a separable quadratic function.

    Args:
        dimension: Of the points.
    """
    return ceil(MORE * (2 * dimension + 1))


@dataclass(frozen=True, slots=True)
class QuadraticStep:
    """Fits a quadratic function to the parents, and returns the point where it is the least.

    The function has all mixed terms if there are enough parents for that and it has a minimum;
    otherwise it is separable, a sum of one parabola for each coordinate, and fitted to the best
    parents. The point is the least one within the box of the parents, widened by half its width on
    each side, moved into the unit cube.
    """

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return one point, whatever the seed; none if ``step`` finds none."""
        place = step(parents) if n else None
        if place is None:
            return Offspring([])
        return Offspring([place], parents=[list(range(len(parents)))])


def step(parents: Sequence[Parent[Vector]]) -> Vector | None:
    """Return a new point; see ``QuadraticStep``.

    There is none if there are fewer parents than ``fewest_of``, if they do not determine a
    function, or if its least point is one of them.
    """
    rows = np.array([parent.genome for parent in parents], dtype=np.float64)
    if not len(rows):
        return None
    values, dimension = -np.array(comparable(parents)), rows.shape[1]
    place = lowest(rows, values) if len(rows) >= points_of(dimension) else None
    if place is None and len(rows) >= (count := fewest_of(dimension)):
        best = np.argsort(values, kind="stable")[:count]
        place = lowest_separable(rows[best], values[best])
    known = place is not None and (rows == place).all(axis=1).any()
    return None if known else place


def lowest(rows: Vector, values: Vector) -> Vector | None:
    """Return where a quadratic function fitted by least squares is the least in the widened box.

    None if the points do not determine the function, or if it has no minimum anywhere.

    Args:
        rows: Shape ``(points, D)``, within the unit cube.
        values: Finite; of each point.
    """
    from scipy.optimize import lsq_linear  # type: ignore[import-untyped]

    first, second = np.triu_indices(rows.shape[1])
    found = _fitted(rows, values, lambda z: z[:, first] * z[:, second])
    if found is None:
        return None
    slope, bends = found
    curves: NDArray[np.float64] = np.zeros((len(slope), len(slope)))
    curves[first, second] += bends
    curves[second, first] += bends
    if np.linalg.eigvalsh(curves)[0] <= FLAT:
        return None
    root = np.linalg.cholesky(curves)
    return _placed(rows, lsq_linear(root.T, -np.linalg.solve(root, slope), bounds=REACH).x)


def lowest_separable(rows: Vector, values: Vector) -> Vector | None:
    """Return where a separable quadratic function is the least in the widened box.

    A coordinate in which it has no minimum goes to the lower side of the box. None if the points do
    not determine the function.

    Args:
        rows: Shape ``(points, D)``, within the unit cube.
        values: Finite; of each point.
    """
    found = _fitted(rows, values, np.square)
    if found is None:
        return None
    slope, bends = found
    bowl = bends > FLAT
    inside = np.clip(-slope / np.where(bowl, 2 * bends, 1.0), *REACH)
    sides = [slope * side + bends * side**2 for side in REACH]
    return _placed(rows, np.where(bowl, inside, np.where(sides[0] < sides[1], *REACH)))


def _fitted(
    rows: Vector, values: Vector, bent: Callable[[Vector], Vector]
) -> tuple[Vector, Vector] | None:
    """Return slopes and curvatures for points in their box; None if they are not determined."""
    low, width = rows.min(axis=0), np.ptp(rows, axis=0)
    if not (np.isfinite(values).all() and (width > 0).all()):
        return None
    with np.errstate(over="ignore"):
        span = np.ptp(values)
    if not 0 < span < np.inf:
        return None
    z = (rows - low) / width
    terms = np.column_stack([np.ones(len(z)), z, bent(z)])
    scaled = (values - values.min()) / span
    found, _, rank, _ = np.linalg.lstsq(terms, scaled, rcond=1e-10)
    return None if rank < terms.shape[1] else (found[1 : 1 + z.shape[1]], found[1 + z.shape[1] :])


def _placed(rows: Vector, place: Vector) -> Vector:
    """Return a place in the points' box as a point of the unit cube."""
    return np.asarray(np.clip(rows.min(axis=0) + np.ptp(rows, axis=0) * place, 0.0, 1.0))
