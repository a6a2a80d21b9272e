"""Quality diversity: the fittest individual of each kind."""

from collections.abc import Callable, Hashable
from itertools import count
from typing import Any

from evollm.algorithms.duplicates import Key
from evollm.algorithms.mating import Breeder, Matings
from evollm.algorithms.selection import uniform
from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.search.flow import Flow, draw_seed, evaluate, initial, seeded, survive
from evollm.types import Individual, Operator


def map_elites(
    start: Operator[Any],
    matings: Matings,
    descriptor: Callable[[Individual[Any]], Hashable],
    *,
    size: int,
    seed: int,
    offspring: int | None = None,
    key: Key | None = None,
) -> Flow:
    """Keep the fittest individual of each kind, and breed from uniformly drawn kinds.

    Mouret, Clune: Illuminating Search Spaces by Mapping Elites, 2015,
    https://arxiv.org/abs/1504.04909. The population is the map's elites.

    Args:
        start: As in ``generational``.
        matings: As in ``generational``, but parents are drawn uniformly.
        descriptor: Maps an individual to its kind, a cell of the map; None if it has none. Of those
            without a kind and those that failed the latest is kept, from which operators can learn.
            Individuals whose evaluation was cut short are not placed.
        size: Number of individuals in the initial population.
        seed: Fixes the search.
        offspring: Children per step; None for ``size``.
        key: As in ``generational``.
    """
    positive(size=size, offspring=offspring)
    rng = seeded(seed)
    breeder = Breeder(matings, rng, key, uniform)
    elites: dict[Hashable, Individual[Any]] = {}
    scored = yield from evaluate((yield from initial(start, size, rng)))
    for step in count(1):
        for one in scored:
            if one.outcome.bound:
                continue
            kind = None if one.outcome.error else descriptor(one)
            if not isinstance(kind, Hashable):
                raise EvollmError(
                    f"a descriptor must return a hashable cell such as a tuple, not {kind!r}"
                )
            if kind is None or kind not in elites or one.merit > elites[kind].merit:
                elites[kind] = one
        living = yield from survive(list(elites.values()), step - 1)
        elites = dict(zip(elites, living, strict=True))
        children = yield from breeder.breed(living, offspring or size, step)
        if not children:
            return breeder.ending
        scored = yield from evaluate(children, seed=draw_seed(rng), step=step)
        breeder.learn(scored)
