"""Algorithms: flows that read like their pseudocode."""

from collections.abc import Callable, Hashable, Sequence
from itertools import chain, count
from typing import Any

from evollm.engine import Search
from evollm.flow import Flow, draw_seed, evaluate, positive, seeded, survive, vary
from evollm.mating import Breeder, Key, Matings
from evollm.pareto import Objectives, crowded_tournament, crowding
from evollm.race import Rung, race, youngest_best
from evollm.selection import best, uniform
from evollm.types import EvollmError, Individual, Operator, Select


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
    """Breed a whole generation, score it, and let the best of parents and children live on.

    Args:
        start: Makes the initial population, from no parents.
        matings: How children are made: an operator, a ``Mating``, several, or ``Adaptive`` ones.
        size: Individuals in the population.
        seed: Fixes the search.
        offspring: Children a generation; None for as many as the population has.
        parents: The rule for matings that have none of their own; None for a tournament of two.
        survivors: Chooses ``size`` of parents and children together.
        key: What tells genomes apart, so that none is scored twice; None lets duplicates pass. The
            search ends when nothing new can be bred.
    """
    positive(size=size, offspring=offspring)
    rng = seeded(seed)
    breeder = Breeder(matings, rng, key, parents)
    population = yield from evaluate((yield from vary(start, [], size, draw_seed(rng))))
    for step in count(1):
        children = yield from breeder.breed(population, offspring or size, step)
        if not children:
            return
        scored = yield from evaluate(children, seed=draw_seed(rng), step=step)
        breeder.learn(scored)
        population = yield from survive(survivors(population + scored, size, rng), step)


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
    """Let lanes breed one child at a time from one population, none waiting for another.

    Every lane asks ``start`` for its share of the population, and breeds from whoever lives when
    its own child is scored. Which child comes first depends on the workers; a record holds the
    order, so a resume repeats it.

    Args:
        start: As in ``generational``.
        matings: As in ``generational``.
        size: Individuals in the population; a step is so many children.
        seed: Fixes the search, up to the order in which evaluations end.
        lanes: How many children are on their way at once: at least the executor's workers.
        survivors: Chooses ``size`` of the living and the child.
        key: As in ``generational``.
    """
    positive(size=size, lanes=lanes)
    living: list[Individual[Any]] = []
    rng, born, done = seeded(seed), count(), count(1)
    breeder = Breeder(matings, rng, key)

    def lane(number: int) -> Flow:
        share = len(range(number, size, lanes))
        first = yield from vary(start, [], share, draw_seed(rng))
        living.extend((yield from evaluate(first)))
        while living:
            step = 1 + next(born) // size
            if not (child := (yield from breeder.breed(living, 1, step))):
                return
            scored = yield from evaluate(child, seed=seed, step=step)
            breeder.learn(scored)
            living[:] = survivors(living + scored, size, rng)
            yield from survive(living, next(done) // size)

    return Search(*[lane(number) for number in range(min(lanes, size))])


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
) -> Search:
    """Run generational searches side by side on a ring, along which their best migrate.

    No island waits for another: migrants wait at the shore until their new island's next step.

    Args:
        start: Makes each island's initial population.
        matings: As in ``generational``.
        size: Individuals on each island.
        seed: Fixes the search, up to the order in which evaluations end.
        lanes: How many islands.
        every: Steps between migrations.
        migrants: How many of an island's best go to the next one, as copies.
        survivors: Chooses ``size`` of an island's parents, children and arrivals.
    """
    positive(size=size, lanes=lanes, every=every)
    homes: list[list[Individual[Any]]] = [[] for _ in range(lanes)]
    shores: list[list[Individual[Any]]] = [[] for _ in range(lanes)]

    def island(number: int) -> Flow:
        rng = seeded(seed, number)
        breeder = Breeder(matings, rng)
        first = yield from vary(start, [], size, draw_seed(rng))
        homes[number] = yield from evaluate(first)
        for step in count(1):
            children = yield from breeder.breed(homes[number], size, step)
            scored = yield from evaluate(children, seed=draw_seed(rng), step=step)
            breeder.learn(scored)
            everyone = {one.id: one for one in [*homes[number], *shores[number], *scored]}
            shores[number].clear()
            homes[number] = survivors(list(everyone.values()), size, rng)
            if step % every == 0:
                shores[(number + 1) % lanes] += best(homes[number], migrants, rng)
            yield from survive(list(chain(*homes)), step)

    return Search(*[island(number) for number in range(lanes)])


def one_plus_lambda(
    start: Operator[Any],
    variation: Operator[Any],
    *,
    offspring: int,
    seed: int,
    rungs: Sequence[Rung] = (),
    key: Key | None = None,
) -> Flow:
    """Let the parent live until a child is as good; with several rungs the children race first.

    Args:
        start: Makes the first parent.
        variation: Makes children of one parent.
        offspring: Children a generation, lambda.
        seed: Fixes the search.
        rungs: The stages of selection; the parent joins the last one and is scored anew there, on
            the data that its rivals see. Empty for problems without noise: all are scored once.
        key: As in ``generational``.
    """
    positive(offspring=offspring)
    rng = seeded(seed)
    breeder = Breeder(variation, rng, key, lambda pool, k, rng: [pool[0]])
    first = yield from vary(start, [], 1, draw_seed(rng))
    fidelity = rungs[-1].fidelity if rungs else None
    parents = yield from evaluate(first, fidelity, draw_seed(rng))
    for step in count(1):
        children = yield from breeder.breed(parents, offspring, step)
        if not children:
            return
        if rungs:
            parents = yield from race(children, rungs, rng, step, elite=parents)
        else:
            parents += yield from evaluate(children, seed=draw_seed(rng), step=step)
        parents = yield from survive(youngest_best(parents, 1), step)


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
    """Keep the fittest individual of every kind, and breed from kinds drawn evenly.

    Mouret, Clune: Illuminating Search Spaces by Mapping Elites, 2015,
    https://arxiv.org/abs/1504.04909. The population is the map's elites.

    Args:
        start: As in ``generational``.
        matings: As in ``generational``; parents are drawn evenly.
        descriptor: From an individual to its kind: a cell of the map. Failed ones are not asked.
        size: How many individuals fill the map at first.
        seed: Fixes the search.
        offspring: Children a step; None for ``size``.
        key: As in ``generational``.
    """
    positive(size=size, offspring=offspring)
    rng = seeded(seed)
    breeder = Breeder(matings, rng, key, uniform)
    elites: dict[Hashable, Individual[Any]] = {}
    scored = yield from evaluate((yield from vary(start, [], size, draw_seed(rng))))
    for step in count(1):
        for one in scored:
            kind = None if one.outcome.error else descriptor(one)
            if not isinstance(kind, Hashable):
                raise EvollmError(f"a descriptor returns a cell such as a tuple, not {kind!r}")
            if kind not in elites or one.fitness > elites[kind].fitness:
                elites[kind] = one
        living = yield from survive([elites[kind] for kind in elites], step - 1)
        children = yield from breeder.breed(living, offspring or size, step)
        scored = yield from evaluate(children, seed=draw_seed(rng), step=step)
        breeder.learn(scored)


def nsga2(
    start: Operator[Any],
    matings: Matings,
    objectives: Objectives,
    *,
    size: int,
    seed: int,
    key: Key | None = None,
) -> Flow:
    """Search for a Pareto front: survival by dominance and crowding, parents by their tournament.

    Deb, Pratap, Agarwal, Meyarivan: A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II,
    2002.

    Args:
        start: As in ``generational``.
        matings: As in ``generational``.
        objectives: Names of metrics, or ``fitness``; see ``evollm.pareto``.
        size: Individuals in the population, and children a generation.
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
