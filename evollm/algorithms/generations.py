"""Generational algorithms, including NSGA-II."""

from itertools import count
from typing import Any

from evollm.algorithms.duplicates import Key
from evollm.algorithms.mating import Breeder, Matings
from evollm.algorithms.pareto import Objectives, crowded_tournament, crowding
from evollm.algorithms.selection import best
from evollm.checks import positive
from evollm.search.flow import Flow, draw_seed, evaluate, initial, seeded, survive
from evollm.types import Operator, Select


def generational(
    start: Operator[Any],
    matings: Matings,
    *,
    size: int,
    seed: int,
    offspring: int | None = None,
    parents: Select | None = None,
    survivors: Select = best,
    key: Key | None = None,
) -> Flow:
    """Breed a generation, score it, and let the best of parents and children survive.

    Args:
        start: Makes the initial population, without parents.
        matings: How children are made: an operator, a ``Mating``, several, or ``Adaptive`` ones.
        size: Number of individuals in the population.
        seed: Fixes the search.
        offspring: Children per generation; None for the population's size.
        parents: Selects the parents for matings without a rule; None for a tournament of two.
        survivors: Selects ``size`` individuals from parents and children.
        key: Maps a genome to a key, so that genomes with equal keys are not scored twice; or a
            ``Distinct`` with further options. None lets duplicates pass. The search ends when only
            duplicates are bred.
    """
    positive(size=size, offspring=offspring)
    rng = seeded(seed)
    breeder = Breeder(matings, rng, key, parents)
    population = yield from evaluate((yield from initial(start, size, rng)))
    for step in count(1):
        children = yield from breeder.breed(population, offspring or size, step)
        if not children:
            return breeder.ending
        scored = yield from evaluate(children, seed=draw_seed(rng), step=step)
        breeder.learn(scored)
        population = yield from survive(survivors(population + scored, size, rng), step)


def nsga2(
    start: Operator[Any],
    matings: Matings,
    objectives: Objectives,
    *,
    size: int,
    seed: int,
    key: Key | None = None,
) -> Flow:
    """Search for a Pareto front, with survival and tournaments by dominance and crowding.

    Deb, Pratap, Agarwal, Meyarivan: A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II,
    2002. Individuals may have constraints, see ``Outcome.merit``.

    Args:
        start: As in ``generational``.
        matings: As in ``generational``.
        objectives: Names of metrics, or ``fitness``; see ``evollm.algorithms.pareto``.
        size: Number of individuals in the population, and of children per generation.
        seed: Fixes the search.
        key: As in ``generational``.
    """
    return generational(
        start,
        matings,
        size=size,
        seed=seed,
        parents=crowded_tournament(objectives),
        survivors=crowding(objectives),
        key=key,
    )
