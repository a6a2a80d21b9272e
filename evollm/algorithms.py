"""Algorithms: flows that read like their pseudocode, and the sub-flows that they share."""

from collections.abc import Callable, Generator, Sequence
from itertools import count
from typing import Any, TypeAlias

import numpy as np

from evollm.flow import Flow, Job, Vary, draw_seed, evaluate, survive, together, vary
from evollm.selection import best, tournament
from evollm.types import Candidate, EvollmError, Individual, Operator, Select

Pool: TypeAlias = Sequence[Individual[Any]]


def generational(
    start: Operator[Any],
    variation: Operator[Any],
    *,
    size: int,
    seed: int,
    parents: Select | None = None,
    survivors: Select = best,
    arity: int = 2,
    brood: int = 1,
) -> Flow:
    """Breed a whole population, score it, and let the best of parents and children live on.

    Args:
        start: Makes the initial population, from no parents.
        variation: Makes ``brood`` children of ``arity`` parents.
        size: Individuals in the population, and children a generation.
        seed: Fixes the search.
        parents: Draws the parents; a tournament of two by default.
        survivors: Chooses ``size`` of parents and children together.
        arity: Parents of one variation.
        brood: Children of one variation.
    """
    rng = np.random.default_rng(seed)
    draw = parents or tournament(2)
    population = yield from evaluate((yield from vary(start, [], size, draw_seed(rng))))
    for step in count(1):

        def ask(n: int, step: int = step, pool: Pool = population) -> Vary[Any]:
            return Vary(variation, draw(pool, arity, rng), min(n, brood), draw_seed(rng), step)

        children = yield from fill(ask, size)
        pool = population + (yield from evaluate(children, seed=draw_seed(rng), step=step))
        population = yield from survive(survivors(pool, size, rng), step)


def fill(
    ask: Callable[[int], Vary[Any]], n: int, rounds: int = 3
) -> Generator[Sequence[Job], list[Any], list[Candidate[Any]]]:
    """Ask for children, all jobs of a round together, until there are ``n``.

    Args:
        ask: Makes a job for up to so many children as are still missing.
        n: How many children are wanted.
        rounds: How often to ask again while children are missing.

    Returns:
        The children; fewer than ``n`` only if some were made and the rounds are over.

    Raises:
        EvollmError: If no round made any.
    """
    children: list[Candidate[Any]] = []
    for _ in range(rounds):
        jobs: list[Vary[Any]] = []
        missing = n - len(children)
        while missing > 0:
            jobs.append(ask(missing))
            missing -= jobs[-1].n
        for made in (yield from together(jobs)):
            children += made
        if len(children) >= n:
            return children
    if not children:
        raise EvollmError(
            f"the variation made no valid child in {rounds} rounds: see the run's rejections"
        )
    return children
