"""How much of a search came from the model, and how much from stand-ins."""

from dataclasses import dataclass
from typing import Any

from evollm import EvollmError, Result
from evollm.store.codec import decode

PATIENCE = 3


@dataclass(slots=True)
class Tally:
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
            EvollmError: If nothing was usable in the first three: that would be hill climbing.
        """
        self.generations += 1
        self.usable += usable
        if self.generations >= PATIENCE and not self.usable:
            raise EvollmError(
                f"nothing that the model said in {self.generations} generations could be used: "
                "take another model, or chat mode with one that only chats"
            )


def fallback_share(result: Result[Any]) -> float:
    """Return the share of what was asked of the model that a stand-in gave instead, 0 to 1.

    In the paper's loop it is a share of the blocks of the means, in ours of the offspring. At 1 the
    search is hill climbing. It is 0 if no model was asked.
    """
    means = result.record.rows(
        "SELECT note FROM candidates JOIN jobs ON jobs.id = job WHERE name = 'Recombination'"
    )
    notes = [decode(note) for (note,) in means]
    samples = result.record.rows(
        "SELECT n, (SELECT count(*) FROM candidates WHERE job = jobs.id)"
        " FROM jobs WHERE name = 'FramedSamples' AND told IS NOT NULL"
    )
    asked = sum(note["blocks"] for note in notes) + sum(n for n, _ in samples)
    fallen = sum(note["fallbacks"] for note in notes) + sum(n - made for n, made in samples)
    return fallen / asked if asked else 0.0
