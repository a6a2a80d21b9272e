"""Problems that DEAP's users know come out as on plain DEAP, over five seeds each."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from deap import algorithms, tools
from deap.benchmarks.tools import hypervolume

from evollm import Budget, run
from evollm.algorithms import Mating, ea_simple, generational
from evollm.algorithms.pareto import crowding
from evollm.algorithms.selection import uniform
from operators.deap.functions import seeded_globals
from operators.deap.logbook import DeapLog
from operators.deap.ranking import as_deap
from operators.deap.toolbox import from_toolbox
from operators.variation import MateOrMutate
from tests.operators.deap.support_boxes import BITS, CAPACITY, knapsack, onemax, quartic

SEEDS = range(5)


def alike(ours: list[float], plain: list[float]) -> bool:
    """Say whether two samples' means differ by no more than the larger spread."""
    spread = max(np.std(ours, ddof=1), np.std(plain, ddof=1))
    return bool(spread > 0 and abs(np.mean(ours) - np.mean(plain)) <= spread)


def on_engine(box: Any, seed: int, size: int, generations: int) -> tuple[Any, Any]:
    fame = tools.HallOfFame(1)
    parts = from_toolbox(box)
    flow = ea_simple(
        parts.start, parts.mate, parts.mutate, select=parts.select, size=size, seed=seed
    )
    log = DeapLog(halloffame=fame, objectives=parts.objectives)
    return run(flow, parts.problem, budget=Budget(generations=generations), callbacks=[log]), fame


def on_deap(box: Any, seed: int, size: int, generations: int) -> tuple[Any, Any]:
    fame = tools.HallOfFame(1)
    with seeded_globals(seed):
        population = box.population(n=size)
        _, log = algorithms.eaSimple(
            population, box, 0.5, 0.2, generations, halloffame=fame, verbose=False
        )
    return log, fame


def test_onemax() -> None:
    ours, plain, evaluations = [], [], []
    for seed in SEEDS:
        found, fame = on_engine(onemax(), seed, 60, 20)
        log, other = on_deap(onemax(), seed, 60, 20)
        ours.append(fame[0].fitness.values[0])
        plain.append(other[0].fitness.values[0])
        evaluations.append((found.usage.evaluations, sum(log.select("nevals"))))
        assert fame[0].fitness.values == (found.fitness,) == (float(sum(found.best.genome)),)
    assert alike(ours, plain)
    assert min(ours) > 0.7 * BITS  # chance starts at half, and its best of 60 is below 0.65
    engine, deap = np.mean(evaluations, axis=0)
    assert engine == pytest.approx(deap, rel=0.05)


def test_symbolic_regression() -> None:
    ours, plain, start = [], [], []
    for seed in SEEDS:
        found, fame = on_engine(quartic(), seed, 80, 10)
        _, other = on_deap(quartic(), seed, 80, 10)
        ours.append(fame[0].fitness.values[0])
        plain.append(other[0].fitness.values[0])
        table = found.dataframe()
        start.append(-table["fitness"][table["step"] == 0].max())
        assert found.fitness == -fame[0].fitness.values[0]
        tree = from_toolbox(quartic()).form.from_genome(found.best.genome)
        assert quartic().evaluate(tree) == fame[0].fitness.values
    assert alike(ours, plain)
    assert np.mean(ours) < 0.5 * np.mean(start)


OBJECTIVES = {"weight": -1.0, "value": 1.0}
REFERENCE = np.array([10.0 * CAPACITY, 0.0])  # of the weight and the negative value


def front_on_engine(seed: int) -> tuple[Any, list[Any]]:
    parts = from_toolbox(knapsack(), names=tuple(OBJECTIVES))
    variation = MateOrMutate(parts.mate, parts.mutate, cxpb=0.6, mutpb=0.3)
    flow = generational(
        parts.start,
        Mating(variation, parents=uniform),
        size=30,
        seed=seed,
        survivors=crowding(parts.objectives),
    )
    front = tools.ParetoFront()
    log = DeapLog(halloffame=front, objectives=OBJECTIVES)
    found = run(flow, parts.problem, budget=Budget(generations=20), callbacks=[log])
    first = [one for one in found.population if one.step == 0]
    assert len(first) < 30
    return front, as_deap(found.population, OBJECTIVES)


def front_on_deap(seed: int) -> tuple[Any, list[Any]]:
    front = tools.ParetoFront()
    with seeded_globals(seed):
        population = knapsack().population(n=30)
        algorithms.eaMuPlusLambda(
            population, knapsack(), 30, 30, 0.6, 0.3, 20, halloffame=front, verbose=False
        )
    return front, population


def volumes(search: Callable[[int], tuple[Any, list[Any]]]) -> list[float]:
    """Return the volume that each seed's last population dominates."""
    found = []
    for seed in SEEDS:
        front, population = search(seed)
        found.append(float(hypervolume(population, REFERENCE)))
        assert hypervolume(list(front), REFERENCE) >= found[-1]
    return found


def test_knapsack_by_nsga2() -> None:
    before = random.getstate()
    ours, plain = volumes(front_on_engine), volumes(front_on_deap)
    assert random.getstate() == before
    assert alike(ours, plain)
    with seeded_globals(0):
        chance = knapsack().population(n=30)
    for individual in chance:
        individual.fitness.values = knapsack().evaluate(individual)
    assert sum(ours) / len(ours) > 1.1 * hypervolume(chance, REFERENCE)
