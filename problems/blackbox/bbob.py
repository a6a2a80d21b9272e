"""The 24 noiseless BBOB functions with their instances, by IOHexperimenter.

Hansen, Finck, Ros, Auger: Real-Parameter Black-Box Optimization Benchmarking: Noiseless Functions
Definitions, 2009, https://inria.hal.science/inria-00362633.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from problems.blackbox.function import Function
from problems.blackbox.space import Real, Space

NAMES = (
    "sphere",
    "ellipsoid",
    "rastrigin",
    "bueche-rastrigin",
    "linear-slope",
    "attractive-sector",
    "step-ellipsoid",
    "rosenbrock",
    "rotated-rosenbrock",
    "rotated-ellipsoid",
    "discus",
    "bent-cigar",
    "sharp-ridge",
    "different-powers",
    "rotated-rastrigin",
    "weierstrass",
    "schaffers",
    "ill-conditioned-schaffers",
    "griewank-rosenbrock",
    "schwefel",
    "gallagher-101",
    "gallagher-21",
    "katsuura",
    "lunacek",
)
"""Names of f1 to f24, in order."""


@dataclass(frozen=True, slots=True)
class Bbob:
    """One instance of a function, rebuilt for each batch, so that it is pickled as three numbers.

    Attributes:
        number: 1 to 24.
        dimension: 2 or more.
        instance: Determines shift, rotation and optimal value.
    """

    number: int
    dimension: int
    instance: int = 1

    @property
    def name(self) -> str:
        """The name under which it is recorded."""
        return f"bbob-f{self.number}-d{self.dimension}-i{self.instance}"

    @property
    def optimum(self) -> float:
        """The value at the optimum."""
        return float(self._build().optimum.y)

    def evaluate(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of points, shape ``(n, D)``; smaller is better."""
        return np.asarray(self._build()(points), dtype=np.float64)

    def _build(self) -> Any:
        import ioh

        kind = ioh.ProblemClass.BBOB
        return ioh.get_problem(self.number, self.instance, self.dimension, kind)


def bbob(function: str | int, dimension: int, instance: int = 1) -> tuple[Function, Space, float]:
    """Return a BBOB function to minimise, its search space, and its optimal value.

    Args:
        function: 1 to 24, ``"f1"`` to ``"f24"``, or one of ``NAMES``.
        dimension: 2 or more.
        instance: 1 or more.

    Raises:
        EvollmError: If there is no such function, dimension or instance.
    """
    if dimension < 2 or instance < 1:
        raise EvollmError(
            f"BBOB needs a dimension of at least 2 and an instance of at least 1, not {dimension} "
            f"and {instance}"
        )
    found = Bbob(number_of(function), dimension, instance)
    space = Space((Real(-5.0, 5.0),) * dimension)
    return Function(found, space), space, found.optimum


def number_of(function: str | int) -> int:
    """Return a BBOB function's number, 1 to 24.

    Raises:
        EvollmError: If there is no such function; the message lists all names.
    """
    text = str(function).lower().replace("_", "-")
    if text in NAMES:
        return NAMES.index(text) + 1
    digits = text.removeprefix("f")
    if not (digits.isdecimal() and 1 <= int(digits) <= len(NAMES)):
        known = ", ".join(NAMES)
        raise EvollmError(f"BBOB has no function {function!r}: give f1 to f24, or one of {known}")
    return int(digits)
