"""What a search found, in the function's own points and values."""

from dataclasses import dataclass
from typing import Any

from evollm import EvollmError, Result
from evollm.types import NothingUsable
from problems.blackbox.function import Function
from problems.blackbox.space import Point


@dataclass(frozen=True, slots=True)
class Found:
    """A result in the words of SciPy and pycma.

    Attributes:
        x: The best point, as the function takes it.
        fun: Its value, as the function returned it.
        nfev: Evaluations made.
        message: Why the search stopped.
        fallback_share: The share of the model's work that a stand-in did; at 1 it is hill climbing.
        result: All else: usage, population, ``dataframe()``, record.
    """

    x: Point
    fun: float
    nfev: int
    message: str
    fallback_share: float
    result: Result[Any]


def found(problem: Function, result: Result[Any]) -> Found:
    """Return the best point and value of any search of a function.

    Raises:
        EvollmError: If nothing was evaluated, or every evaluation failed.
    """
    fitness = result.fitness
    assert result.best is not None
    if result.best.error is not None:
        raise EvollmError(f"every evaluation failed: {result.best.error}")
    return Found(
        x=problem.space.decode(result.best.genome),
        fun=fitness if problem.maximize else 0.0 - fitness,
        nfev=result.usage.evaluations,
        message=result.stopped,
        fallback_share=result.fallback_share,
        result=result,
    )


PATIENCE = 3


@dataclass(slots=True)
class ModelGuard:
    """Watches that the model takes part in a search at all.

    Attributes:
        generations: How many have asked the model.
        usable: How many of the things asked of it could be used.
    """

    generations: int = 0
    usable: int = 0

    def count(self, usable: int) -> None:
        """Count one generation.

        Raises:
            NothingUsable: If nothing was usable in the first three: that would be hill climbing.
        """
        self.generations += 1
        self.usable += usable
        if self.generations >= PATIENCE and not self.usable:
            raise NothingUsable(
                f"no answer of the model in {self.generations} generations could be used"
            )
