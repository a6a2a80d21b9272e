"""Races: many candidates scored with little effort, and few with more."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from numpy.random import Generator as Rng

from evollm.algorithms.duplicates import Key
from evollm.algorithms.mating import Breeder
from evollm.checks import positive
from evollm.search.flow import Flow, Job, draw_seed, evaluate, initial, seeded, survive
from evollm.types import JSON, Individual, Operator, Parent


@dataclass(frozen=True, slots=True)
class Rung:
    """One stage of a race.

    Attributes:
        fidelity: Effort of an evaluation in the problem's unit; None if the problem has only one.
        keep: Number of candidates that survive the stage.
        name: Meaning of the fidelity as text for reports, such as ``"2,048 tokens"``; it is not
            passed to the problem.
    """

    fidelity: int | None = None
    keep: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        positive(keep=self.keep)

    @property
    def title(self) -> str:
        """Name and number of survivors of the rung; empty if it has no name."""
        return f"{self.name}, keep {self.keep}" if self.name else ""


def race(
    candidates: Sequence[Parent[Any]],
    rungs: Sequence[Rung],
    rng: Rng,
    step: int,
    elite: Sequence[Individual[Any]] = (),
    context: Mapping[str, JSON] | None = None,
) -> Generator[Job, list[Any], list[Individual[Any]]]:
    """Score many candidates with little effort, and few with more: a sub-flow.

    All candidates of a rung are scored with the same seed, hence on the same data. A problem that
    takes a ``context`` gets the number of survivors (``keep``) and the ids of the elite
    (``parents``), so that it can cut short the evaluation of candidates that can't survive; these
    rank behind all others.

    Args:
        candidates: The initial candidates.
        rungs: The stages.
        rng: The flow's generator.
        step: The flow's step.
        elite: Individuals that join at the last rung.
        context: Additional context for the problem, such as a threshold.

    Returns:
        The survivors of the last rung, fittest first; of equal ones the younger first, so that a
        search can drift.
    """
    runners, winners = candidates, list(elite)
    for place, rung in enumerate(rungs, 1):
        everyone = [*runners, *elite] if place == len(rungs) else runners
        known = {"keep": rung.keep, "parents": [one.id for one in elite], **(context or {})}
        scored = yield from evaluate(
            everyone, rung.fidelity, draw_seed(rng), step, known, rung.title
        )
        runners = winners = youngest_best(scored, rung.keep)
    return winners


def youngest_best(pool: Sequence[Individual[Any]], k: int) -> list[Individual[Any]]:
    """Return the ``k`` fittest, complete evaluations first; of equal ones the younger first."""
    return sorted(pool, key=lambda one: (not one.outcome.bound, one.merit, one.id), reverse=True)[
        :k
    ]


def one_plus_lambda(
    start: Operator[Any],
    variation: Operator[Any],
    *,
    offspring: int,
    seed: int,
    rungs: Sequence[Rung] = (),
    starts: int = 1,
    start_rungs: Sequence[Rung] = (),
    key: Key | None = None,
) -> Flow:
    """Keep a parent until a child is at least as fit; with several rungs the children race.

    Args:
        start: Makes the initial candidates, the fittest of which is the first parent.
        variation: The operator that makes children from one parent.
        offspring: Children per generation, lambda.
        seed: Fixes the search.
        rungs: The stages of selection; the parent joins the last one and is scored again on the
            same data as the children. Empty for problems without noise, where each is scored once.
        starts: Number of initial candidates.
        start_rungs: The stages in which the initial candidates race; empty for the last of
            ``rungs``.
        key: As in ``generational``; ``Distinct(key, scope="generation")`` prevents duplicates
            within a generation.
    """
    positive(offspring=offspring, starts=starts)
    rng = seeded(seed)
    breeder = Breeder(variation, rng, key, lambda pool, k, rng: [pool[0]])
    first = yield from initial(start, starts, rng)
    last = [replace(rung, keep=1) for rung in rungs[-1:]] or [Rung()]
    named = bool(rungs or start_rungs)
    [parent, *_] = yield from race(first, start_rungs or last, rng, 0)
    parents = yield from survive([parent], 0, best=parent if named else None)
    for step in count(1):
        children = yield from breeder.breed(parents, offspring, step)
        if not children:
            return breeder.ending
        if rungs:
            parents = yield from race(children, rungs, rng, step, elite=parents)
        else:
            parents += yield from evaluate(children, seed=draw_seed(rng), step=step)
        [parent] = youngest_best(parents, 1)
        parents = yield from survive([parent], step, best=parent if named else None)
