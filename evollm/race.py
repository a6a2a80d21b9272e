"""Races: many candidates with little effort, and fewer with more."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator as Rng

from evollm.flow import Job, draw_seed, evaluate, positive
from evollm.types import Individual, Parent


@dataclass(frozen=True, slots=True)
class Rung:
    """One stage of a race.

    Attributes:
        fidelity: How much effort an evaluation takes, in the problem's own unit; None if it has one
            only.
        keep: How many go on.
    """

    fidelity: int | None = None
    keep: int = 1

    def __post_init__(self) -> None:
        positive(keep=self.keep)


def race(
    candidates: Sequence[Parent[Any]],
    rungs: Sequence[Rung],
    rng: Rng,
    step: int,
    elite: Sequence[Individual[Any]] = (),
) -> Generator[Job, list[Any], list[Individual[Any]]]:
    """Score many with little effort, and fewer with more: a sub-flow.

    All that run on a rung share its seed, hence its data.

    Args:
        candidates: Who starts.
        rungs: The stages.
        rng: The flow's generator.
        step: The flow's step.
        elite: Who joins on the last rung only.

    Returns:
        The last rung's winners, fittest first; of equals the younger, so that a search can drift.
    """
    runners, winners = candidates, list(elite)
    for place, rung in enumerate(rungs, 1):
        everyone = [*runners, *elite] if place == len(rungs) else runners
        scored = yield from evaluate(everyone, rung.fidelity, draw_seed(rng), step)
        runners = winners = youngest_best(scored, rung.keep)
    return winners


def youngest_best(pool: Sequence[Individual[Any]], k: int) -> list[Individual[Any]]:
    """Return the ``k`` fittest; of equals the younger comes first."""
    return sorted(pool, key=lambda one: (-one.fitness, -one.id))[:k]
