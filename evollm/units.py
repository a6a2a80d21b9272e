"""Units: convert a metric's number into the user's value, and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from evollm.types import Individual


@dataclass(frozen=True, slots=True)
class Units:
    """How one metric is shown.

    In the engine, larger numbers are better. The user's value is ``offset + fitness`` if it is
    maximised, otherwise ``offset - fitness``.

    Attributes:
        name: Name of the value, such as "value above the optimum" or "balanced accuracy".
        unit: Written after the number; empty for none.
        maximize: Whether a larger value is better for the user as well.
        offset: What is added to convert the engine's number to the value.
        format: Format of the number, see the built-in ``format``.
    """

    name: str = "fitness"
    unit: str = ""
    maximize: bool = True
    offset: float = 0.0
    format: str = ".6g"

    def value(self, fitness: float) -> float:
        """Convert a number of the engine to the user's value."""
        return self.offset + (fitness if self.maximize else 0.0 - fitness)

    def fitness(self, value: float) -> float:
        """Convert a user's value to the engine's number: the inverse of ``value``."""
        return value - self.offset if self.maximize else self.offset - value

    def text(self, fitness: float) -> str:
        """Return the user's value as text, with its unit."""
        number = f"{self.value(fitness):{self.format}}"
        return f"{number} {self.unit}" if self.unit else number

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name, for a record."""
        return asdict(self)


def from_json(kept: Mapping[str, Mapping[str, Any]]) -> dict[str, Units]:
    """Return the units by metric, as ``Units.as_json`` wrote them."""
    return {metric: Units(**fields) for metric, fields in kept.items()}


class Words(Protocol):
    """Formats a search for the user; every ``evollm.System`` does."""

    @property
    def units(self) -> Mapping[str, Units]:
        """How each metric is shown; ``"fitness"`` is what the search maximises."""
        ...

    def write(self, individual: Individual[Any]) -> str:
        """Return a genome in readable form."""
        ...
