"""Units: how a metric's number is turned into what people know, and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from evollm.types import Individual


@dataclass(frozen=True, slots=True)
class Units:
    """How one metric is shown.

    The engine's numbers are larger if they are better. The user's value is
    ``offset + fitness`` if it is maximised, else ``offset - fitness``.

    Attributes:
        name: What the value is, such as "value above the optimum" or "balanced accuracy".
        unit: Written after the number; empty for none.
        maximize: Whether a larger value is better for the user, too.
        offset: What is added to get from the engine's number to the value.
        format: How the number is written, see ``format``.
    """

    name: str = "fitness"
    unit: str = ""
    maximize: bool = True
    offset: float = 0.0
    format: str = ".6g"

    def value(self, fitness: float) -> float:
        """Return the user's value of a number of the engine."""
        return self.offset + (fitness if self.maximize else 0.0 - fitness)

    def fitness(self, value: float) -> float:
        """Return the engine's number of a user's value: the inverse of ``value``."""
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
    """What shows a search in the user's terms; every ``evollm.System`` does."""

    @property
    def units(self) -> Mapping[str, Units]:
        """How each metric is shown; ``"fitness"`` is what the search maximises."""
        ...

    def write(self, individual: Individual[Any]) -> str:
        """Return a genome as people read it."""
        ...
