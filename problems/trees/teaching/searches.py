"""Searches by classical operators, with all of their generations."""

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.random import Generator

from evollm.algorithms.selection import best, tournament
from evollm.types import Candidate, Individual
from operators.trees.genome import Tree
from operators.trees.variation import KINDS, NodeMutation, SubtreeCrossover
from problems.trees.model.convert import Forest
from problems.trees.model.fitness import TreeFitness

SEEDS = 2**31
Generation = list[Individual[Tree]]


@dataclass(frozen=True, slots=True)
class Search:
    """A search by subtree crossover and node mutation.

    Attributes:
        populations: The survivors of each generation; the first are a CART and a random forest's
            trees.
        born: The trees that were born in each generation; the first are the first population.
    """

    populations: Sequence[Generation]
    born: Sequence[Generation]


def searched(
    problem: TreeFitness, max_depth: int, population: int, generations: int, rng: Generator
) -> Search:
    """Search for trees as LLEGO's control without a model does, with twice as many children.

    Args:
        problem: Scores trees.
        max_depth: Maximum number of splits on a path.
        population: Number of survivors; a generation has twice as many children.
        generations: Number of generations after the first population.
        rng: The source of randomness.
    """
    forest = Forest(problem.columns, problem.train, max_depth, balanced=problem.balanced)
    count = 0

    def scored(trees: Sequence[Tree]) -> Generation:
        nonlocal count
        count += len(trees)
        made = [Candidate(count - i, tree, (), "", 0) for i, tree in enumerate(trees)]
        outcomes = problem.evaluate(trees, None, 0)
        return [Individual(*pair) for pair in zip(made, outcomes, strict=True)]

    first = scored(forest.vary([], population, int(rng.integers(SEEDS))).genomes)
    populations, born = [first], [first]
    cross = SubtreeCrossover(max_depth)
    kinds = tuple(kind for kind in KINDS if kind != "leaf")  # the fitness fits the leaves
    mutate = NodeMutation(problem.columns, max_depth, kinds)
    select = tournament(2)
    for _ in range(generations):
        pool, children = populations[-1], list[Tree]()
        for _ in range(population):
            seed = int(rng.integers(SEEDS))
            children += cross.vary(select(pool, 2, rng), 1, seed).genomes
            children += mutate.vary(select(pool, 1, rng), 1, seed).genomes
        born.append(scored(children))
        populations.append(best(pool + born[-1], population, rng))
    return Search(populations, born)
