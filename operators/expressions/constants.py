"""Mutation of the numbers in expressions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.random import Generator

from evollm.errors import EvollmError
from evollm.types import Offspring, Parent
from operators.deap.genomes import Expression
from operators.expressions.genome import NUMBER, code_of, numbers


@dataclass(frozen=True)
class NumberMutation:
    """Changes one number of an expression; several parents take turns.

    Half of the changes are small steps relative to the number, the others are steps of about
    ``spread`` in any number.

    Attributes:
        spread: Size of the steps, above 0.
    """

    spread: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.spread < inf:
            raise EvollmError(f"spread must be above 0 and finite, not {self.spread}")

    def vary(
        self, parents: Sequence[Parent[Expression]], n: int, seed: int
    ) -> Offspring[Expression]:
        """Return up to ``n`` children; a parent without numbers has none."""
        rng = np.random.default_rng(seed)
        turns = [i % len(parents) for i in range(n)]
        apt = [i for i in turns if numbers(parents[i].genome)]
        children = [self._changed(parents[i].genome, rng) for i in apt]
        missing = {"an expression without numbers": n - len(apt)} if len(apt) < n else {}
        return Offspring(children, rejected=missing, parents=[[i] for i in apt])

    def _changed(self, genome: Expression, rng: Generator) -> Expression:
        nodes = list(genome.nodes)
        places = numbers(genome)
        place = places[int(rng.integers(len(places)))]
        old = float(nodes[place][1])
        step = rng.normal(0.0, self.spread)
        new = old * (1 + step) if rng.random() < 0.5 else old + step
        rounded = float(f"{new:.4g}")
        nodes[place] = [NUMBER, rounded if isfinite(rounded) else old]
        return Expression(nodes, code_of(nodes))
