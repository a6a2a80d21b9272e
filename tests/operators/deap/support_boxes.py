"""Toolboxes that the tests of the adapter share, as a user of DEAP would write them."""

import operator
import random
from functools import partial

import numpy as np
from deap import base, creator, gp, tools

BITS = 100
ITEMS = [(1 + i * 7 % 10, (i * 13 % 101) / 1.01) for i in range(20)]
CAPACITY = 30
POINTS = np.linspace(-1, 1, 20, endpoint=False)
QUARTIC = POINTS**4 + POINTS**3 + POINTS**2 + POINTS

creator.create("Largest", base.Fitness, weights=(1.0,))
creator.create("Smallest", base.Fitness, weights=(-1.0,))
creator.create("Knapsack", base.Fitness, weights=(-1.0, 1.0))
creator.create("Bits", list, fitness=creator.Largest)
creator.create("Point", np.ndarray, fitness=creator.Smallest)
creator.create("Tree", gp.PrimitiveTree, fitness=creator.Smallest)
creator.create("Bag", set, fitness=creator.Knapsack)


def count_ones(individual):
    return (sum(individual),)


def onemax(bits=BITS):
    box = base.Toolbox()
    box.register("bit", random.randint, 0, 1)
    box.register("individual", tools.initRepeat, creator.Bits, box.bit, bits)
    box.register("population", tools.initRepeat, list, box.individual)
    box.register("evaluate", count_ones)
    box.register("mate", tools.cxTwoPoint)
    box.register("mutate", tools.mutFlipBit, indpb=0.05)
    box.register("select", tools.selTournament, tournsize=3)
    return box


def divided(a, b):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(b) < 1e-9, 1.0, a / np.where(b == 0, 1.0, b))


def primitives():
    pset = gp.PrimitiveSet("MAIN", 1)
    for function in (operator.add, operator.sub, operator.mul):
        pset.addPrimitive(function, 2)
    pset.addPrimitive(divided, 2)
    pset.addPrimitive(np.sin, 1, name="sin")
    pset.addEphemeralConstant("small", partial(random.randint, -1, 1))
    pset.renameArguments(ARG0="x")
    return pset


PSET = primitives()


def quartic_error(individual):
    function = gp.compile(individual, PSET)
    with np.errstate(over="ignore", invalid="ignore"):
        error = float(np.mean((function(POINTS) - QUARTIC) ** 2))
    return (error if np.isfinite(error) else 1e9,)


def quartic():
    box = base.Toolbox()
    box.register("expr", gp.genHalfAndHalf, pset=PSET, min_=1, max_=2)
    box.register("individual", tools.initIterate, creator.Tree, box.expr)
    box.register("population", tools.initRepeat, list, box.individual)
    box.register("evaluate", quartic_error)
    box.register("mate", gp.cxOnePoint)
    box.register("branch", gp.genFull, min_=0, max_=2)
    box.register("mutate", gp.mutUniform, expr=box.branch, pset=PSET)
    box.register("select", tools.selTournament, tournsize=3)
    for alias in ("mate", "mutate"):
        box.decorate(alias, gp.staticLimit(operator.attrgetter("height"), 8))
    return box


def burden(individual):
    weight = sum(ITEMS[item][0] for item in individual)
    value = sum(ITEMS[item][1] for item in individual)
    return (weight, value) if weight <= CAPACITY else (10.0 * CAPACITY, 0.0)


def common_and_differing(one, other):
    both = type(one)(one)
    one &= other
    other ^= both
    return one, other


def change_one(individual):
    individual ^= {random.randrange(len(ITEMS))}
    return (individual,)


def knapsack():
    box = base.Toolbox()
    box.register("item", random.randrange, len(ITEMS))
    box.register("individual", tools.initRepeat, creator.Bag, box.item, 5)
    box.register("population", tools.initRepeat, list, box.individual)
    box.register("evaluate", burden)
    box.register("mate", common_and_differing)
    box.register("mutate", change_one)
    box.register("select", tools.selNSGA2)
    return box


def sphere():
    box = base.Toolbox()
    box.register("individual", tools.initRepeat, creator.Point, random.random, 4)
    box.register("evaluate", lambda point: (float((point**2).sum()),))
    box.register("mate", tools.cxBlend, alpha=0.5)
    box.register("mutate", tools.mutGaussian, mu=0.0, sigma=0.1, indpb=0.5)
    box.register("select", tools.selTournament, tournsize=3)
    return box
