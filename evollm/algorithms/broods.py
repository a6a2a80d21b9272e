"""Broods: join many small jobs of one operator into one, which is much faster."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evollm.errors import EvollmError
from evollm.types import Elementwise, Offspring, Parent, name_of

_ROOM = 2**14  # numbers in the genomes of one call, which fit into a processor's cache


@dataclass(frozen=True, slots=True)
class Broods:
    """Lets an elementwise operator do several jobs of equal size at once, each with its own seed.

    Attributes:
        operator: The operator that makes the children.
        arity: Number of parents per job.
        brood: Number of children per job.
    """

    operator: Elementwise[Any]
    arity: int
    brood: int

    @property
    def name(self) -> str:
        """The operator's name, under which the children are recorded."""
        return name_of(self.operator)

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return the children of ``n / brood`` jobs, whose parents are consecutive."""
        seeds = np.random.default_rng(seed).integers(2**53, size=n // self.brood).tolist()
        size = max(self.arity, self.brood) * max(1, np.size(parents[0].genome))
        jobs = max(1, _ROOM // size)
        parts = [
            self._made(parents, first, seeds[first : first + jobs])
            for first in range(0, len(seeds), jobs)
        ]
        return _joined(parts)

    def _made(self, parents: Sequence[Parent[Any]], first: int, seeds: list[int]) -> Offspring[Any]:
        """Do the jobs that begin with the first one; indices of parents refer to the whole list."""
        start, n = first * self.arity, self.brood * len(seeds)
        own = parents[start : start + self.arity * len(seeds)]
        made = self.operator.vary_many(own, self.brood, seeds)
        if not len(made.genomes) == len(made.parents) == n:
            raise EvollmError(
                f"{self.name}.vary_many returned {len(made.genomes)} genomes and "
                f"{len(made.parents)} lists of parents: return {n} of each"
            )
        return replace(made, parents=[[start + place for place in line] for line in made.parents])


def _joined(parts: Sequence[Offspring[Any]]) -> Offspring[Any]:
    """Return the concatenated answers."""
    rejected: Counter[str] = Counter()
    for part in parts:
        rejected.update(part.rejected)
    noted = any(part.notes for part in parts)
    return Offspring(
        [genome for part in parts for genome in part.genomes],
        [note for part in parts for note in part.notes or [None] * len(part.genomes)]
        if noted
        else (),
        rejected,
        [line for part in parts for line in part.parents],
    )
