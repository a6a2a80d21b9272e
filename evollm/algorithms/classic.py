"""The classical genetic algorithm: select, mate, mutate, replace the parents."""

import logging
from collections.abc import Generator, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.random import Generator as Random

from evollm.algorithms.selection import tournament
from evollm.errors import EvollmError
from evollm.search.flow import Flow, Job, Vary, draw_seed, evaluate, initial, survive, together
from evollm.types import Candidate, Individual, Operator, Parent, Select

log = logging.getLogger("evollm")

_IDLE = 100
_EVEN = 3  # number of generations with each individual drawn once that can't be chance


def ea_simple(
    start: Operator[Any],
    mate: Operator[Any],
    mutate: Operator[Any],
    *,
    size: int,
    seed: int,
    select: Select | None = None,
    cxpb: float = 0.5,
    mutpb: float = 0.2,
) -> Flow:
    """Draw a population from the last one, mate and mutate some of it, and score the changes.

    Children replace their parents whatever their fitness. An individual that is neither mated nor
    mutated keeps its score; so does one whose operator made no child.

    Args:
        start: Makes the initial population, without parents.
        mate: Makes two children from two parents.
        mutate: Makes one child from one parent.
        size: Number of individuals in the population, at least 2.
        seed: Fixes the search.
        select: Draws a population from the last one; a tournament of three by default. It must draw
            fitter individuals more often, because nothing else favours them. A rule that returns
            the best ``size`` of ``size``, such as DEAP's ``selBest`` and ``selNSGA2``, selects
            nothing, which is logged as a warning. For several objectives use
            ``evollm.algorithms.nsga2``.
        cxpb: Probability that two neighbours in the drawn population are mated, 0 to 1.
        mutpb: Probability that an individual is then mutated, 0 to 1.

    Raises:
        EvollmError: If a setting is out of range, or no child is made for many generations.
    """
    if size < 2:
        raise EvollmError(f"a population must have at least two individuals, not {size}")
    if not (0 <= cxpb <= 1 and 0 <= mutpb <= 1 and cxpb + mutpb > 0):
        raise EvollmError(
            f"cxpb and mutpb must be probabilities and not both 0, not {cxpb} and {mutpb}"
        )
    return _generations(start, mate, mutate, size, seed, select or tournament(3), cxpb, mutpb)


def _generations(
    start: Operator[Any],
    mate: Operator[Any],
    mutate: Operator[Any],
    size: int,
    seed: int,
    select: Select,
    cxpb: float,
    mutpb: float,
) -> Flow:
    rng = np.random.default_rng(seed)
    population = yield from evaluate((yield from initial(start, size, rng)))
    population = yield from survive(population, 0)
    idle = even = 0
    for step in count(1):
        drawn = select(population, size, rng)
        even = even + 1 if _evenly(drawn, population) else 0
        if even == _EVEN:
            log.warning(
                "select drew each individual once in %d generations, so nothing favours fitter "
                "ones: use a tournament, or evollm.algorithms.nsga2 for several objectives",
                _EVEN,
            )
        mated = yield from _mated(mate, drawn, cxpb, rng, step)
        varied = yield from _mutated(mutate, mated, mutpb, rng, step)
        population, scored = yield from _scored(varied, rng, step)
        idle = 0 if scored else idle + 1
        if idle == _IDLE:
            raise EvollmError(
                f"no child was made in {_IDLE} generations: raise cxpb or mutpb, or see the run's "
                "rejections"
            )
        population = yield from survive(population, step)


def _evenly(drawn: Sequence[Individual[Any]], population: Sequence[Individual[Any]]) -> bool:
    """Return whether a rule drew each of several individuals exactly once."""
    ids = sorted(one.id for one in population)
    return len(set(ids)) > _EVEN and sorted(one.id for one in drawn) == ids


def _mated(
    mate: Operator[Any], drawn: Sequence[Parent[Any]], cxpb: float, rng: Random, step: int
) -> Generator[Sequence[Job], list[Any], list[Parent[Any]]]:
    """Replace some pairs of neighbours by their children."""
    pool = list(drawn)
    pairs = [i for i in range(0, len(pool) - 1, 2) if rng.random() < cxpb]
    jobs = [Vary(mate, pool[i : i + 2], 2, draw_seed(rng), step) for i in pairs]
    for i, made in zip(pairs, (yield from together(jobs)), strict=True):
        pool[i : i + len(made)] = made
    return pool


def _mutated(
    mutate: Operator[Any], mated: Sequence[Parent[Any]], mutpb: float, rng: Random, step: int
) -> Generator[Sequence[Job], list[Any], list[Parent[Any]]]:
    """Replace some individuals by their mutants."""
    pool = list(mated)
    places = [i for i in range(len(pool)) if rng.random() < mutpb]
    jobs = [Vary(mutate, [pool[i]], 1, draw_seed(rng), step) for i in places]
    for i, made in zip(places, (yield from together(jobs)), strict=True):
        pool[i : i + len(made)] = made
    return pool


def _scored(
    varied: Sequence[Parent[Any]], rng: Random, step: int
) -> Generator[Job, list[Any], tuple[list[Individual[Any]], int]]:
    """Score the candidates without a score; return all, and the number of new scores."""
    fresh = [one for one in varied if isinstance(one, Candidate)]
    found = iter((yield from evaluate(fresh, seed=draw_seed(rng), step=step)))
    population = [one if isinstance(one, Individual) else next(found) for one in varied]
    return population, len(fresh)
