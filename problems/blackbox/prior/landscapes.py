"""Random functions to minimise, of several families, whose optimum is known.

They are made up here and take nothing from a benchmark's code. Rotated ellipsoids, curved valleys,
sums of different powers, ripples and basins are kinds that BBOB has as well; each is drawn anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Points = NDArray[np.float64]
Shape = Callable[[Points], Points]
"""Maps offsets from the optimum, of shape ``(points, D)``, to values; in box widths."""


@dataclass(frozen=True, slots=True)
class Landscape:
    """A function over the unit cube.

    Attributes:
        family: Its kind.
        optimum: Where it is smallest, shape ``(D,)``; it may lie outside of the cube.
        value: Maps points of shape ``(points, D)`` to values of shape ``(points,)``.
    """

    family: str
    optimum: Points
    value: Shape


def draw(rng: Generator, dimension: int) -> Landscape:
    """Return a random function.

    Args:
        rng: The source of randomness, also of the function's noise.
        dimension: D, at least 1.
    """
    names = list(FAMILIES)
    family = names[rng.choice(len(names), p=SHARES)]
    optimum = _optimum(rng, dimension, family)
    shape = _warped(FAMILIES[family](rng, dimension), rng, dimension)
    flaw = _flaw(rng)

    def value(points: Points) -> Points:
        return flaw(shape(points - optimum))

    return Landscape(family, optimum, value)


def _optimum(rng: Generator, dimension: int, family: str) -> Points:
    """Return a place inside of the cube as a rule, and sometimes on its border or beyond."""
    if family == "slope":
        return 0.5 + rng.choice([-1.0, 1.0], dimension) * rng.uniform(0.5, 3.0, dimension)
    inside = rng.uniform(0.02, 0.98, dimension)
    if rng.random() < 0.85:
        return inside
    beyond = rng.random(dimension) < 0.5
    return np.where(
        beyond, rng.choice([0.0, 1.0], dimension) + rng.normal(0, 0.1, dimension), inside
    )


def rotation(rng: Generator, dimension: int) -> Points:
    """Return a random rotation, or in three of ten cases the identity."""
    if rng.random() < 0.3:
        return np.eye(dimension)
    found, upper = np.linalg.qr(rng.standard_normal((dimension, dimension)))
    return np.asarray(found * np.sign(np.diag(upper)))


def _conditioned(rng: Generator, dimension: int, most: float) -> Points:
    """Return a matrix whose squared singular values spread over up to ``10**most``."""
    spread = rng.uniform(0, most)
    scales = 10.0 ** (spread / 2 * rng.permutation(np.linspace(0, 1, dimension)))
    return np.asarray(rotation(rng, dimension) * scales[:, None])


def _ellipsoid(rng: Generator, dimension: int) -> Shape:
    matrix, power = _conditioned(rng, dimension, 6), rng.uniform(0.4, 1.5)
    return lambda x: np.square(x @ matrix.T).sum(axis=1) ** power


def _sector(rng: Generator, dimension: int) -> Shape:
    """Steeper on one side of the optimum than on the other."""
    matrix, factors = (
        _conditioned(rng, dimension, 2),
        10.0 ** rng.uniform(-1.5, 1.5, (2, dimension)),
    )

    def value(x: Points) -> Points:
        z = x @ matrix.T
        return np.asarray(np.square(z * np.where(z > 0, *factors)).sum(axis=1))

    return value


def _powers(rng: Generator, dimension: int) -> Shape:
    matrix, powers = rotation(rng, dimension), rng.uniform(1, 8, dimension)
    return lambda x: np.asarray((np.abs(x @ matrix.T) ** powers).sum(axis=1))


def _ridge(rng: Generator, dimension: int) -> Shape:
    matrix, sharp, power = (
        rotation(rng, dimension),
        10.0 ** rng.uniform(0, 2),
        rng.choice([1.0, 2.0]),
    )

    def value(x: Points) -> Points:
        z = x @ matrix.T
        return np.asarray(
            np.abs(z[:, 0]) ** power + sharp * np.sqrt(np.square(z[:, 1:]).sum(axis=1) + 1e-30)
        )

    return value


def _valley(rng: Generator, dimension: int) -> Shape:
    """A curved valley: each coordinate follows the square of the one before."""
    matrix = rotation(rng, dimension) * rng.uniform(1.5, 8)
    steep, bend = 10.0 ** rng.uniform(0.5, 3), rng.uniform(0.4, 1.2)

    def value(x: Points) -> Points:
        z = x @ matrix.T + bend
        along = np.square(z - bend).sum(axis=1) * 0.2
        off = z[:, 1:] - bend - (np.square(z[:, :-1]) - bend**2)
        return np.asarray(along + steep * np.square(off).sum(axis=1))

    return value


def _slope(rng: Generator, dimension: int) -> Shape:
    """Nearly linear over the cube: the optimum is far outside."""
    weights = 10.0 ** rng.uniform(0, 2, dimension)
    return lambda x: np.asarray((np.abs(x) * weights).sum(axis=1))


def _ripples(rng: Generator, dimension: int) -> Shape:
    """A bowl with a cosine in each direction, several periods of which fit into the cube."""
    matrix, periods = _conditioned(rng, dimension, 2), 10.0 ** rng.uniform(0.3, 1.2)
    height = 10.0 ** rng.uniform(-1.5, 0.3) / periods
    turned, power = rotation(rng, dimension), rng.uniform(0.7, 1.2)

    def value(x: Points) -> Points:
        bowl = np.square(x @ matrix.T).sum(axis=1) ** power
        waves = (1 - np.cos(2 * np.pi * periods * (x @ turned.T))).sum(axis=1)
        return np.asarray(bowl + height * waves)

    return value


def _basins(rng: Generator, dimension: int) -> Shape:
    """Several basins of different depths and widths; the deepest is at the optimum."""
    count = int(rng.integers(2, 22))
    centres = rng.uniform(-1, 1, (count, dimension))
    centres[0] = 0
    depths = np.sort(rng.uniform(0.05, 1, count))[::-1] * rng.uniform(0.7, 1)
    depths[0] = 1.0
    matrix = _conditioned(rng, dimension, 2)
    widths = 10.0 ** rng.uniform(-1.3, 0, count)

    def value(x: Points) -> Points:
        z = (x[:, None, :] - centres) @ matrix.T
        near = np.exp(-0.5 * np.square(z).sum(axis=2) / widths**2 / dimension)
        return np.asarray(1 - (depths * near).max(axis=1))

    return value


FAMILIES: Mapping[str, Callable[[Generator, int], Shape]] = MappingProxyType(
    {
        "ellipsoid": _ellipsoid,
        "sector": _sector,
        "powers": _powers,
        "ridge": _ridge,
        "valley": _valley,
        "slope": _slope,
        "ripples": _ripples,
        "basins": _basins,
    }
)
SHARES = (0.24, 0.09, 0.07, 0.07, 0.12, 0.05, 0.18, 0.18)
"""How often each family is drawn."""


def _warped(shape: Shape, rng: Generator, dimension: int) -> Shape:
    """Return a shape whose coordinates are stretched unequally, in three of ten cases; or as is."""
    if rng.random() >= 0.3:
        return shape
    exponents = 1 + rng.uniform(-0.35, 0.5, (2, dimension))

    def value(x: Points) -> Points:
        return shape(np.sign(x) * np.abs(x) ** np.where(x > 0, *exponents))

    return value


def _flaw(rng: Generator) -> Shape:
    """Return what becomes of values: in most cases nothing; or steps, or noise."""
    kind, strength = rng.random(), 10.0 ** rng.uniform(-1.5, 0)
    if kind < 0.1:
        return lambda values: np.asarray(np.floor(np.log2(values + 1e-12) / strength))
    if kind < 0.22:
        return lambda values: np.asarray(
            values * np.exp(strength * rng.standard_normal(len(values)))
        )
    return lambda values: values
