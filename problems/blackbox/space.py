"""Search spaces: boxes of reals, integers and categories, mapped to the unit cube."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, floor, isfinite, log
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError

Vector: TypeAlias = NDArray[np.float64]
Point: TypeAlias = Any
"""A point as passed to the user's function: a vector, or a dict by the names of the dimensions."""
LARGEST = 2**40


@dataclass(frozen=True, slots=True)
class Real:
    """A real number from ``low`` to ``high``, both included.

    Attributes:
        low: The lower end.
        high: The upper end.
        log: Whether the scale is logarithmic; then ``low`` must be positive.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        if not isfinite(float(self.high) - float(self.low)):
            raise EvollmError(f"the range {self.low} to {self.high} is too wide: narrow it")
        if self.log and self.low <= 0:
            raise EvollmError(f"a log scale needs a positive lower end, not {self.low}")

    @property
    def grain(self) -> float:
        """The smallest relevant step in the unit interval; 0 for none."""
        return 0.0

    def decode(self, u: float) -> float:
        """Return the value at ``u`` in the unit interval."""
        if self.log:
            value = exp(log(self.low) * (1 - u) + log(self.high) * u)
        else:
            value = self.low * (1 - u) + self.high * u
        return min(max(value, float(self.low)), float(self.high))

    def encode(self, value: float) -> float:
        """Return the position of ``value`` in the unit interval.

        Raises:
            EvollmError: If the value is not a number within the range.
        """
        x = _inside(value, self.low, self.high)
        if self.log:
            return (log(x) - log(self.low)) / (log(self.high) - log(self.low))
        return (x - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from ``low`` to ``high``, both included.

    Attributes:
        low: The smallest number.
        high: The largest number.
        log: Whether a number's share of the unit interval is its share of the logarithmic scale
            instead of an equal share; then ``low`` must be positive.
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        if int(self.low) != self.low or int(self.high) != self.high:
            raise EvollmError(f"the ends {self.low} and {self.high} must be whole numbers")
        if max(abs(self.low), abs(self.high)) > LARGEST:
            raise EvollmError(f"the ends {self.low} and {self.high} must be within 2**40 of 0")
        if self.log and self.low <= 0:
            raise EvollmError(f"a log scale needs a positive lower end, not {self.low}")

    @property
    def grain(self) -> float:
        """The width of a number's bin; on a log scale that of the last and narrowest one."""
        if self.log:
            return log((self.high + 0.5) / (self.high - 0.5)) / self._span
        return 1 / (self.high - self.low + 1)

    @property
    def _span(self) -> float:
        return log(self.high + 0.5) - log(self.low - 0.5)

    def decode(self, u: float) -> int:
        """Return the number whose bin contains ``u``."""
        if self.log:
            value = round(exp(log(self.low - 0.5) + u * self._span))
        else:
            value = floor(self.low + u * (self.high - self.low + 1))
        return int(min(max(value, self.low), self.high))

    def encode(self, value: float) -> float:
        """Return the centre of the bin of ``value``; on a log scale the value's own position.

        Raises:
            EvollmError: If the value is not a whole number within the range.
        """
        x = _inside(value, self.low, self.high)
        if x != int(x):
            raise EvollmError(f"the value {value} must be a whole number")
        if self.log:
            return (log(x) - log(self.low - 0.5)) / self._span
        return (x - self.low + 0.5) / (self.high - self.low + 1)


@dataclass(frozen=True, slots=True)
class Category:
    """One of several choices, in equal bins of the unit interval.

    Attributes:
        choices: At least two different choices.
    """

    choices: tuple[Any, ...]

    def __post_init__(self) -> None:
        if isinstance(self.choices, str):
            raise EvollmError(f"a category needs a list of choices, not the text {self.choices!r}")
        object.__setattr__(self, "choices", tuple(self.choices))
        repeated = any(c in self.choices[:i] for i, c in enumerate(self.choices))
        if len(self.choices) < 2 or repeated:
            raise EvollmError(
                f"a category needs two or more different choices, not {self.choices!r}"
            )

    @property
    def grain(self) -> float:
        """The width of one choice's bin."""
        return 1 / len(self.choices)

    def decode(self, u: float) -> Any:
        """Return the choice whose bin contains ``u``."""
        return self.choices[min(max(floor(u * len(self.choices)), 0), len(self.choices) - 1)]

    def encode(self, value: Any) -> float:
        """Return the centre of the bin of ``value``.

        Raises:
            EvollmError: If it is not one of the choices.
        """
        if value not in self.choices:
            raise EvollmError(f"the value {value!r} must be one of the choices {self.choices!r}")
        return (self.choices.index(value) + 0.5) / len(self.choices)


Dimension: TypeAlias = Real | Integer | Category


@dataclass(frozen=True, slots=True)
class Space:
    """Dimensions in order, with or without names; genomes are points of the unit cube.

    Attributes:
        dimensions: One per coordinate.
        names: One per coordinate; empty if points are plain vectors.
    """

    dimensions: tuple[Dimension, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.dimensions:
            raise EvollmError("a space needs at least one dimension")
        if not self.names and any(isinstance(d, Category) for d in self.dimensions):
            raise EvollmError("a space with categories needs names: give a dict of dimensions")

    @classmethod
    def of(cls, given: Any) -> "Space":
        """Create a space from bounds in any of the usual forms.

        Args:
            given: A space; a sequence of ``(low, high)`` pairs or dimensions; an array of shape
                ``(D, 2)``; an object with ``lb`` and ``ub`` (such as SciPy's bounds); or a dict
                from names to pairs or dimensions.

        Raises:
            EvollmError: If it is none of these, or an interval is empty or not finite.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, Mapping):
            names = tuple(str(name) for name in given)
            return cls(tuple(_dimension(d) for d in given.values()), names)
        if hasattr(given, "lb") and hasattr(given, "ub"):
            given = list(zip(np.atleast_1d(given.lb), np.atleast_1d(given.ub), strict=True))
        if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray):
            raise EvollmError(f"bounds must be pairs (low, high) or a dict of them, not {given!r}")
        return cls(tuple(_dimension(d) for d in given))

    def __len__(self) -> int:
        return len(self.dimensions)

    @property
    def grain(self) -> tuple[float, ...]:
        """For each coordinate the smallest relevant step; 0 for reals."""
        return tuple(dimension.grain for dimension in self.dimensions)

    def decode(self, u: Vector) -> Point:
        """Convert a point of the unit cube to a float vector, or a dict by names."""
        values = [d.decode(float(x)) for d, x in zip(self.dimensions, u, strict=True)]
        if self.names:
            return dict(zip(self.names, values, strict=True))
        return np.array(values, dtype=np.float64)

    def encode(self, point: Point) -> Vector:
        """Convert a function's point to the unit cube, shape ``(D,)``.

        Raises:
            EvollmError: If the point has a wrong length or wrong names, or is outside the box.
        """
        values = self._values(point)
        pairs = zip(self.dimensions, values, strict=True)
        return np.array([dimension.encode(value) for dimension, value in pairs])

    def snap(self, u: Vector) -> Vector:
        """Move integers and categories to their representative positions; reals are unchanged."""
        pairs = zip(self.dimensions, u, strict=True)
        return np.array([x if isinstance(d, Real) else d.encode(d.decode(x)) for d, x in pairs])

    def _values(self, point: Point) -> list[Any]:
        if self.names:
            if not isinstance(point, Mapping) or set(point) != set(self.names):
                raise EvollmError(f"a point must be a dict with the keys {', '.join(self.names)}")
            return [point[name] for name in self.names]
        values = list(np.atleast_1d(point))
        if len(values) != len(self):
            raise EvollmError(f"a point must have {len(self)} numbers, not {len(values)}")
        return values


def _dimension(given: Any) -> Dimension:
    if isinstance(given, Real | Integer | Category):
        return given
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        raise EvollmError(
            f"a dimension must be a pair (low, high) or a Real, Integer or Category, not {given!r}"
        ) from None
    return Real(low, high)


def _check_ends(low: float, high: float) -> None:
    if not (isfinite(low) and isfinite(high) and low < high):
        raise EvollmError(
            f"the lower end must be finite and below the upper one, unlike {low} to {high}"
        )


def _inside(value: Any, low: float, high: float) -> float:
    try:
        x = float(value)
    except (TypeError, ValueError):
        raise EvollmError(f"the value {value!r} must be a number from {low} to {high}") from None
    if not low <= x <= high:
        raise EvollmError(f"the value {value} must be between {low} and {high}")
    return x
