"""The opening that all searches share: starting points, and samples that a seed decides."""

from collections.abc import Generator as Iterator
from itertools import count
from math import isfinite, isnan
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


def at_least(least: int, settings: object, *names: str, prefix: str = "") -> None:
    """Refuse settings with which a search would never begin; what is None stays unset.

    Args:
        least: What each named field must reach.
        settings: Whose fields.
        names: Which fields.
        prefix: What stands before a field's name where the user gives it.

    Raises:
        EvollmError: If one of the fields is below, or not a number.
    """
    for name in names:
        value = getattr(settings, name)
        if value is not None and (value < least or isnan(value)):
            said = prefix + (name.replace("_", "-") if prefix else name)
            raise EvollmError(f"{said} must be {least} or more, not {value}")
