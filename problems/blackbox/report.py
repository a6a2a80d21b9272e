"""The result of a search in the function's points and values."""

from dataclasses import dataclass
from math import inf
from typing import Any

from evollm import EvollmError, Individual, Result
from evollm.evaluation.noise import STANDARD_ERROR
from evollm.types import NothingUsable
from problems.blackbox.function import Function
from problems.blackbox.space import Point


@dataclass(frozen=True, slots=True)
class Found:
    """A result with the field names of SciPy's ``OptimizeResult``.

    Attributes:
        x: The best point, in the form that the function takes. If no point satisfies the
            constraints, it is the one with the least violation.
        fun: The function's value at ``x``; the mean of its values if it was evaluated repeatedly.
        nfev: Number of calls of the function.
        message: Why the search stopped, and whether a feasible point was found.
        success: Whether ``x`` satisfies the constraints and the search was not interrupted.
        violation: Total violation of the constraints at ``x``: 0 if it satisfies them.
        standard_error: Standard error of ``fun`` if it is a mean; otherwise None.
        result: Everything else: usage, population, ``dataframe()``, record.
    """

    x: Point
    fun: float
    nfev: int
    message: str
    success: bool
    violation: float
    standard_error: float | None
    result: Result[Any]

    @property
    def fallback_share(self) -> float:
        """The share of the children made by a stand-in; at 1 the search is hill climbing."""
        return self.result.fallback_share

    def _repr_html_(self) -> str:
        return self.result._repr_html_()


def found(function: Function, result: Result[Any]) -> Found:
    """Return the best point and value of any search of a function.

    Raises:
        EvollmError: If nothing was evaluated, or every evaluation failed.
    """
    fitness, best = result.fitness, result.best
    assert best is not None
    if best.error is not None:
        raise EvollmError(f"every evaluation failed: {best.error}")
    return Found(
        x=function.space.decode(best.genome),
        fun=fitness if function.maximize else 0.0 - fitness,
        nfev=round(result.usage.cost),
        message="; ".join(part for part in (result.stopped, _missed(best)) if part),
        success=result.feasible and result.stopped != INTERRUPTED,
        violation=best.violation,
        standard_error=best.metrics.get(STANDARD_ERROR),
        result=result,
    )


def _missed(best: Individual[Any]) -> str:
    """Return why a best point is no solution; empty if it is one."""
    if best.fitness == -inf:
        return "no value was finite"
    if best.violation:
        return f"no feasible point was found: the violation at x is {best.violation:.4g}"
    return ""


INTERRUPTED = "interrupted"
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
