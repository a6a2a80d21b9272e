"""A user's function on a search space, as a problem."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm.errors import EvollmError, described
from evollm.functions import prepare
from evollm.types import Outcome, name_of, number
from problems.blackbox.space import Space, Vector


@dataclass(frozen=True, slots=True)
class Function:
    """Scores points of the unit cube by a function on the search space.

    Attributes:
        function: Maps a point to a number, or to a pair of number and ``info``; or an object with a
            method ``evaluate(points)`` that returns or yields one number (or pair) per point, for
            points of shape ``(n, D)`` (a list of dicts if the space has names). With an attribute
            ``seeded = True`` it is called as ``evaluate(points, seed)``; ``elementwise = True``
            declares that points may be scored one by one.
        space: The search space, which maps the unit cube to points.
        maximize: Whether a larger value is better; otherwise the fitness is minus the value.
    """

    function: Any
    space: Space
    maximize: bool = False

    def __post_init__(self) -> None:
        if not (callable(self.function) or self._whole):
            raise EvollmError(
                f"{self.function!r} is not a function: give f(point), or an object with "
                "evaluate(points)"
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
        if not (self._whole and points):
            return (_score(self.function, point, self.maximize) for point in points)
        given = points if self.space.names else np.array(points)
        more = (seed,) if getattr(self.function, "seeded", False) else ()
        values = self.function.evaluate(given, *more)
        if not hasattr(values, "__len__"):
            return (outcome(value, self.maximize) for value in values)
        if len(values) != len(points):
            raise EvollmError(
                f"{self.name} returned {len(values)} values for {len(points)} points: return one "
                "per point"
            )
        return [outcome(value, self.maximize) for value in values]


def outcome(value: Any, maximize: bool) -> Outcome:
    """Return the outcome of a value, or of a pair of value and ``info``; negated to minimise.

    Raises:
        TypeError: If the value is not a number, but for example a string or an array.
        ValueError: If it can't be converted to a number.
    """
    found, info = value if isinstance(value, tuple) else (value, None)
    fitness = number(found)
    return Outcome(fitness if maximize else 0.0 - fitness, info=info)


def _score(function: Callable[[Any], Any], point: Any, maximize: bool) -> Outcome:
    try:
        return outcome(function(point), maximize)
    except EvollmError:
        raise
    except Exception as error:
        return Outcome(-np.inf, error=described(error))
