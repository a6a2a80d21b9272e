"""A user's function on a search space, as a problem."""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from evollm.checks import at_least, positive
from evollm.errors import EvollmError, described
from evollm.evaluation.constraints import violation
from evollm.functions import prepare
from evollm.types import VIOLATION, Outcome, name_of, number
from problems.blackbox.space import Point, Space, Vector


@dataclass(frozen=True, slots=True)
class Noise:
    """How often the points of a noisy function are evaluated.

    Attributes:
        repeats: Number of calls per evaluation of a point, which counts with their mean.
        elite: Number of best points that are evaluated once more in each generation and count with
            the mean of all their evaluations, so that a lucky value is not kept.
    """

    repeats: int = 1
    elite: int = 0

    def __post_init__(self) -> None:
        positive(repeats=self.repeats)
        at_least(0, self, "elite")


NO_NOISE = Noise()


@dataclass(frozen=True, slots=True)
class Function:
    """Scores points of the unit cube by a function on the search space.

    Attributes:
        function: Maps a point to a number, or to a pair of number and ``info``; or an object with a
            method ``evaluate(points)`` that returns or yields one number (or pair) per point, for
            points of shape ``(n, D)`` (a list of dicts if the space has names). With an attribute
            ``seeded = True`` either is also given the seed of the batch, as its last argument;
            ``elementwise = True`` declares that points may be scored one by one.
        space: The search space, which maps the unit cube to points.
        maximize: Whether a larger value is better; otherwise the fitness is minus the value.
        constraints: Maps a point to one number per constraint, which is satisfied if it is at most
            0; None for no constraints. Their ``violation`` is a metric of the outcome; how points
            are compared by it is defined by ``Outcome.merit``.
    """

    function: Any
    space: Space
    maximize: bool = False
    constraints: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        if not (callable(self.function) or self._whole):
            raise EvollmError(
                f"{self.function!r} is not a function: give f(point), or an object with "
                "evaluate(points)"
            )
        if not (self.constraints is None or callable(self.constraints)):
            raise EvollmError(
                f"constraints must be a function of a point, not {self.constraints!r:.80}: return "
                "one number per constraint, at most 0 if it is satisfied"
            )

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", None) or name_of(self.function)

    @property
    def elementwise(self) -> bool:
        """Whether points are scored one by one, so that a batch may be cut anywhere."""
        return bool(getattr(self.function, "elementwise", False)) if self._whole else True

    @property
    def asks_model(self) -> bool | tuple[str, ...]:
        """Whether the function asks a model: its attribute of the same name, see ``Problem``."""
        asks: bool | tuple[str, ...] = getattr(self.function, "asks_model", False)
        return asks

    def prepare(self) -> None:
        """Call the function's method ``prepare()``, if it has one."""
        prepare(self.function)

    @property
    def _whole(self) -> bool:
        return callable(getattr(self.function, "evaluate", None))

    def evaluate(
        self, genomes: Sequence[Vector], fidelity: int | None, seed: int
    ) -> Iterable[Outcome]:
        """Score points; an exception of a function of one point makes only that evaluation fail.

        Returns:
            The outcomes, one by one if the function takes one point or yields.

        Raises:
            EvollmError: If a function of a batch returns a wrong number of values.
        """
        points = [self.space.decode(genome) for genome in genomes]
        more = (seed,) if getattr(self.function, "seeded", False) else ()
        if not (self._whole and points):
            return (self._score(point, *more) for point in points)
        given = points if self.space.names else np.array(points)
        values = self.function.evaluate(given, *more)
        if not hasattr(values, "__len__"):
            # too many values are the engine's error
            return (self.outcome(*pair) for pair in zip(cycle(points), values, strict=False))
        if len(values) != len(points):
            raise EvollmError(
                f"{self.name} returned {len(values)} values for {len(points)} points: return one "
                "per point"
            )
        return [self.outcome(*pair) for pair in zip(points, values, strict=True)]

    def outcome(self, point: Point, value: Any) -> Outcome:
        """Return the outcome of a point's value, or of a pair of value and ``info``.

        Raises:
            TypeError: If the value is not a number, but for example a string or an array.
            ValueError: If it can't be converted to a number.
        """
        found, info = value if isinstance(value, tuple) else (value, None)
        fitness = number(found)
        try:
            metrics = self._violated(point)
        except EvollmError:
            raise
        except Exception as error:
            return Outcome(-np.inf, error=f"the constraints failed: {described(error)}")
        return Outcome(fitness if self.maximize else 0.0 - fitness, metrics, info=info)

    def _violated(self, point: Point) -> dict[str, float]:
        if self.constraints is None:
            return {}
        return {VIOLATION: violation(self.constraints(point))}

    def _score(self, point: Point, *seed: int) -> Outcome:
        try:
            return self.outcome(copy(point), self.function(point, *seed))
        except EvollmError:
            raise
        except Exception as error:
            return Outcome(-np.inf, error=described(error))
