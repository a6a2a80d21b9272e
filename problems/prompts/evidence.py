"""What each example scored with a prompt: means with their errors, from a run's record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evollm import Result
from evollm.store import rows
from evollm.types import JSON
from problems.prompts.fitness import SELECTION, TEST
from problems.prompts.tokens import Mask

COUNTS = ("ties", "missing")
"""What is known of examples beside their scores."""


@dataclass(frozen=True, slots=True)
class Score:
    """A metric on one set of examples.

    Attributes:
        mean: Over the examples.
        error: Standard error of the mean.
        examples: How many there are.
        values: Of each example.
    """

    mean: float
    error: float
    examples: int
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> "Score":
        """Return the score of values per example."""
        found = np.asarray(values, dtype=np.float64)
        spread = found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else 0.0
        return cls(float(found.mean()), float(spread), len(found), tuple(found.tolist()))

    def __str__(self) -> str:
        return f"{self.mean:.4g} ± {self.error:.2g}"


Scores = Mapping[str, Mapping[str, Score]]
"""By set (``search``, ``select``, ``test``), then by metric."""


def scored(result: Result[Mask]) -> dict[int, rows.Evaluation]:
    """Return the evaluation of each candidate, its own or that of an equal one, by the id."""
    own = {one.candidate: one for one in rows.evaluations(result.record)}
    reused = rows.reuses(result.record).items()
    return own | {candidate: own[source] for candidate, source in reused if source in own}


def scores(
    result: Result[Mask], candidate: int, born: Mapping[int, rows.Evaluation]
) -> dict[str, dict[str, Score]]:
    """Return a prompt's scores by set and metric, from what each example scored.

    Args:
        result: What the run came to.
        candidate: The prompt's id.
        born: What ``scored`` returned.
    """
    return {
        name: {metric: Score.of(values) for metric, values in info.items() if metric not in COUNTS}
        for name, info in infos(result, candidate, born).items()
    }


def infos(
    result: Result[Mask], candidate: int, born: Mapping[int, rows.Evaluation]
) -> dict[str, dict[str, JSON]]:
    """Return what each example scored, by set and metric; see ``scores``."""
    found = {"search": born[candidate].info if candidate in born else None}
    for name, rung in (("select", SELECTION), ("test", TEST)):
        final = [one for one in result.finals if (one.id, one.fidelity) == (candidate, rung)]
        found[name] = final[0].outcome.info if final else None
    return {name: info for name, info in found.items() if info}
