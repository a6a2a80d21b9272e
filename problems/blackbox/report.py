"""The result of a search in the function's points and values."""

from dataclasses import dataclass
from typing import Any

from evollm import EvollmError, Result
from evollm.types import NothingUsable
from problems.blackbox.function import Function
from problems.blackbox.space import Point


@dataclass(frozen=True, slots=True)
class Found:
    """A result with the field names of SciPy and pycma.

    Attributes:
        x: The best point, in the form that the function takes.
        fun: The function's value at ``x``.
        nfev: Number of evaluations.
        message: Why the search stopped.
        fallback_share: The share of the children made by a stand-in; at 1 the search is hill
            climbing.
        result: Everything else: usage, population, ``dataframe()``, record.
    """

    x: Point
    fun: float
    nfev: int
    message: str
    fallback_share: float
    result: Result[Any]

    def _repr_html_(self) -> str:
        return self.result._repr_html_()


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
    """Checks that the model contributes to a search.

    Attributes:
        generations: Number of generations that have asked the model.
        usable: Number of usable answers.
    """

    generations: int = 0
    usable: int = 0

    def count(self, usable: int) -> None:
        """Count one generation.

        Raises:
            NothingUsable: If no answer was usable in the first three generations, which would be
                hill climbing.
        """
        self.generations += 1
        self.usable += usable
        if self.generations >= PATIENCE and not self.usable:
            raise NothingUsable(
                f"no answer of the model was usable in {self.generations} generations"
            )
