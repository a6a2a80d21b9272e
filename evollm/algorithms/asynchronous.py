"""Asynchronous algorithms: lanes that do not wait for each other."""

from itertools import chain, count
from typing import Any

from evollm.algorithms.duplicates import Key
from evollm.algorithms.mating import Breeder, Matings
from evollm.algorithms.selection import best
from evollm.checks import positive
from evollm.search.flow import Flow, barren, draw_seed, evaluate, initial, seeded, survive, vary
from evollm.search.search import Search
from evollm.types import Individual, Operator, Select


def steady_state(
    start: Operator[Any],
    matings: Matings,
    *,
    size: int,
    seed: int,
    lanes: int = 4,
    survivors: Select = best,
    key: Key | None = None,
) -> Search:
    """Breed one child at a time in each lane from a common population, without waiting.

    Every lane asks ``start`` for its share of the population, and breeds from the population as it
    is when the lane's previous child has been scored. The order of the children depends on the
    workers; it is recorded, so that a resume repeats it.

    Args:
        start: As in ``generational``.
        matings: As in ``generational``.
        size: Number of individuals in the population; a step is ``size`` children.
        seed: Fixes the search, up to the order in which evaluations end.
        lanes: Number of children in flight: at least the number of the executor's workers.
        survivors: Selects ``size`` individuals from the population and the child.
        key: As in ``generational``. If duplicates are not redrawn, a step is ``size`` attempts, and
            the search ends after a whole step without a child.
    """
    positive(size=size, lanes=lanes)
    living: list[Individual[Any]] = []
    rng, born, done = seeded(seed), count(), count(1)
    breeder = Breeder(matings, rng, key)
    lanes = min(lanes, size)
    empty: list[int] = []
    idle = 0

    def lane(number: int) -> Flow:
        nonlocal idle
        share = len(range(number, size, lanes))
        first = yield from vary(start, [], share, draw_seed(rng))
        empty.extend([number] * (not first))
        if len(empty) == lanes:
            raise barren(start, size)
        living.extend((yield from evaluate(first)))
        while living:
            step = 1 + next(born) // size
            child = yield from breeder.breed(living, 1, step)
            idle = 0 if child else idle + 1
            if not child and (breeder.redraws or idle >= size):
                return breeder.ending
            scored = yield from evaluate(child, seed=seed, step=step)
            breeder.learn(scored)
            living[:] = survivors(living + scored, size, rng) if scored else living
            yield from survive(living, next(done) // size)

    return Search(*[lane(number) for number in range(lanes)])


def islands(
    start: Operator[Any],
    matings: Matings,
    *,
    size: int,
    seed: int,
    lanes: int = 4,
    every: int = 5,
    migrants: int = 1,
    survivors: Select = best,
    key: Key | None = None,
) -> Search:
    """Run generational searches on a ring of islands, along which their best migrate.

    Islands do not wait for each other: migrants wait in an inbox until their new island's next
    step.

    Args:
        start: Makes each island's initial population.
        matings: As in ``generational``.
        size: Number of individuals on each island.
        seed: Fixes the search, up to the order in which evaluations end.
        lanes: Number of islands.
        every: Steps between migrations.
        migrants: Number of an island's best that are copied to the next one.
        survivors: Selects ``size`` individuals from an island's parents, children and migrants.
        key: As in ``generational``; each island has duplicates of its own.
    """
    positive(size=size, lanes=lanes, every=every)
    populations: list[list[Individual[Any]]] = [[] for _ in range(lanes)]
    inboxes: list[list[Individual[Any]]] = [[] for _ in range(lanes)]

    def island(number: int) -> Flow:
        rng = seeded(seed, number)
        breeder = Breeder(matings, rng, key)
        populations[number] = yield from evaluate((yield from initial(start, size, rng)))
        for step in count(1):
            children = yield from breeder.breed(populations[number], size, step)
            if not children:
                return breeder.ending
            scored = yield from evaluate(children, seed=draw_seed(rng), step=step)
            breeder.learn(scored)
            everyone = {one.id: one for one in [*populations[number], *inboxes[number], *scored]}
            inboxes[number].clear()
            populations[number] = survivors(list(everyone.values()), size, rng)
            if step % every == 0:
                inboxes[(number + 1) % lanes] += best(populations[number], migrants, rng)
            yield from survive(list(chain(*populations)), step)

    return Search(*[island(number) for number in range(lanes)])
