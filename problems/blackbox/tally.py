"""How much of a search came from the model, and how much from stand-ins."""

from dataclasses import dataclass

from evollm.types import EvollmError

PATIENCE = 3


@dataclass(slots=True)
class Tally:
    """Counts answers that were asked of a model and those that a stand-in took the place of.

    Attributes:
        asked: Means of blocks, or children, that the model was to give.
        fallen: How many of them a stand-in gave.
        generations: How many generations asked the model.
    """

    asked: int = 0
    fallen: int = 0
    generations: int = 0

    @property
    def share(self) -> float:
        """The share of stand-ins, 0 to 1; 0 before the model was asked at all."""
        return self.fallen / self.asked if self.asked else 0.0

    def count(self, asked: int, fallen: int) -> None:
        """Count one generation.

        Raises:
            EvollmError: If the model gave nothing usable in the first three: that would be hill
                climbing.
        """
        self.asked += asked
        self.fallen += fallen
        self.generations += 1
        if self.generations >= PATIENCE and self.fallen == self.asked:
            raise EvollmError(
                f"nothing that the model said in {self.generations} generations could be used: "
                "choose another model, or chat mode with a header for one that only chats"
            )
