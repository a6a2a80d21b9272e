"""Variation by two operators: mating and mutation together, or either one."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from evollm.errors import EvollmError
from evollm.types import Candidate, Offspring, Operator, Parent

_SEEDS = 2**53


@dataclass(frozen=True)
class MateAndMutate:
    """Mates a pair with one probability, then mutates each child with another.

    A child without either is a copy of its parent; the flow ``ea_simple`` does not evaluate it.

    Attributes:
        mate: Makes two children from two parents.
        mutate: Makes one child from one parent.
        cxpb: Probability of mating, 0 to 1.
        mutpb: Probability of mutation, 0 to 1.
    """

    mate: Operator[Any]
    mutate: Operator[Any]
    cxpb: float = 0.5
    mutpb: float = 0.2

    def __post_init__(self) -> None:
        _check(self.cxpb, self.mutpb)

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return up to ``n`` children; successive pairs of parents take turns.

        Raises:
            EvollmError: If there are fewer than two parents.
        """
        if len(parents) < 2:
            raise EvollmError(f"mating needs two parents, not {len(parents)}: set the arity to 2")
        rng = np.random.default_rng(seed)
        genomes: list[Any] = []
        lineage: list[list[int]] = []
        for turn in range((n + 1) // 2):
            own = [(2 * turn + i) % len(parents) for i in (0, 1)]
            for place, children in self._pair([parents[i] for i in own], rng):
                genomes += children
                lineage += [own if place is None else [own[place]]] * len(children)
        return Offspring(genomes[:n], parents=lineage[:n])

    def _pair(
        self, pair: list[Parent[Any]], rng: Generator
    ) -> list[tuple[int | None, Sequence[Any]]]:
        """Vary two parents; return for each child which one it is made from, None for both."""
        children: list[tuple[int | None, Any]]
        if rng.random() < self.cxpb:
            made = self.mate.vary(pair, 2, int(rng.integers(_SEEDS)))
            children = [(None, genome) for genome in made.genomes]
        else:
            children = [(i, copy.deepcopy(parent.genome)) for i, parent in enumerate(pair)]
        return [
            (place, self._mutated(genome, rng) if rng.random() < self.mutpb else [genome])
            for place, genome in children
        ]

    def _mutated(self, genome: Any, rng: Generator) -> Sequence[Any]:
        child: Candidate[Any] = Candidate(0, genome, (), "", 0)
        return self.mutate.vary([child], 1, int(rng.integers(_SEEDS))).genomes


@dataclass(frozen=True)
class MateOrMutate:
    """Mates two parents, mutates one or copies one.

    Attributes:
        mate: Makes children from two parents; the first child is used.
        mutate: Makes one child from one parent.
        cxpb: Probability of mating, 0 to 1.
        mutpb: Probability of mutation; both together at most 1, the remainder is that of copies.
    """

    mate: Operator[Any]
    mutate: Operator[Any]
    cxpb: float = 0.7
    mutpb: float = 0.3

    def __post_init__(self) -> None:
        _check(self.cxpb, self.mutpb)
        if self.cxpb + self.mutpb > 1 + 1e-9:
            raise EvollmError(
                f"cxpb and mutpb must add up to at most 1, not {self.cxpb + self.mutpb}"
            )

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return up to ``n`` children, each from newly drawn parents.

        Raises:
            EvollmError: If there are fewer than two parents.
        """
        if len(parents) < 2:
            raise EvollmError(f"mating needs two parents, not {len(parents)}: set the arity to 2")
        rng = np.random.default_rng(seed)
        genomes: list[Any] = []
        lineage: list[list[int]] = []
        for _ in range(n):
            drawn = [int(i) for i in rng.choice(len(parents), 2, replace=False)]
            own, made = self._child(parents, drawn, rng)
            genomes += made
            lineage += [own] * len(made)
        return Offspring(genomes, parents=lineage)

    def _child(
        self, parents: Sequence[Parent[Any]], drawn: list[int], rng: Generator
    ) -> tuple[list[int], Sequence[Any]]:
        """Make one child from one or both of two drawn parents; return which."""
        choice, seed, first = rng.random(), int(rng.integers(_SEEDS)), parents[drawn[0]]
        if choice < self.cxpb:
            return drawn, self.mate.vary([parents[i] for i in drawn], 1, seed).genomes
        if choice < self.cxpb + self.mutpb:
            return drawn[:1], self.mutate.vary([first], 1, seed).genomes
        return drawn[:1], [copy.deepcopy(first.genome)]


def _check(*probabilities: float) -> None:
    for probability in probabilities:
        if not 0 <= probability <= 1:
            raise EvollmError(f"a probability must be between 0 and 1, not {probability}")
