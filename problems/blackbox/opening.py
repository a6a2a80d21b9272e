"""The opening that all searches share: starting points, and samples that a seed decides."""

from collections.abc import Generator as Iterator
from itertools import count
from math import isfinite
from typing import Any, TypeAlias

from numpy.random import Generator

from evollm.flow import Job, draw_seed, evaluate, vary
from evollm.types import EvollmError, Individual
from operators.vectors import Given, Uniform

Points: TypeAlias = tuple[tuple[float, ...], ...]
"""Places in the unit cube."""
Generations: TypeAlias = list[list[Individual[Any]]]


def warm_up(
    dimension: int, generations: int, population: int, start: Points, rng: Generator
) -> Iterator[Job, Any, Generations]:
    """Evaluate uniform samples, in step 0 behind the starting points; go on until two are finite.

    The samples are one stream that depends on the seed alone: however many a search takes, and in
    whatever portions, searches of the same seed see the same points.

    Args:
        dimension: Of the unit cube.
        generations: How many steps, from 0.
        population: Samples a step.
        start: Points to evaluate ahead of the samples.
        rng: The flow's generator; one draw is taken.
    """
    seed = draw_seed(rng)
    history: Generations = []
    for step in count():
        given = yield from vary(Given(start), [], len(start) if step == 0 else 0, 0, step)
        sampler = Uniform(dimension, step * population)
        children = yield from vary(sampler, [], population, seed, step)
        history.append((yield from evaluate(given + children, step=step)))
        finite = sum(isfinite(one.fitness) for scored in history for one in scored)
        if step + 1 >= generations and finite >= 2:
            break
    return history


def at_least_one(settings: object, *names: str) -> None:
    """Refuse settings with which a search would never begin.

    Raises:
        EvollmError: If one of the named fields is below 1.
    """
    for name in names:
        if getattr(settings, name) < 1:
            raise EvollmError(f"{name} must be 1 or more, not {getattr(settings, name)}")
