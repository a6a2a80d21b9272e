"""Wrapped problems: the common part of problems that evaluate another one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evollm.functions import as_problem, prepare
from evollm.types import Problem, name_of


@dataclass(frozen=True)
class Wrapped:
    """A problem with the properties of another one.

    Attributes:
        problem: The other problem, or a plain function.

    Raises:
        EvollmError: If it is neither.
    """

    problem: Problem[Any] | Callable[[Any], Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "problem", as_problem(self.problem))

    @property
    def name(self) -> str:
        """The problem's name."""
        return name_of(self.problem)

    @property
    def elementwise(self) -> bool:
        """Whether the problem scores the genomes of a batch independently."""
        return bool(getattr(self.problem, "elementwise", False))

    @property
    def asks_model(self) -> bool | tuple[str, ...]:
        """Whether the problem asks a model."""
        asks: bool | tuple[str, ...] = getattr(self.problem, "asks_model", False)
        return asks

    @property
    def cost_unit(self) -> str:
        """The problem's unit of cost; by default the number of its evaluations."""
        return str(getattr(self.problem, "cost_unit", "")) or "evaluations"

    def prepare(self) -> None:
        """Prepare the problem."""
        prepare(self.problem)
