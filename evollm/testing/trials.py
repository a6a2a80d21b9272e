"""Trials: a small problem and a small flow that do what a test tells them to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evollm.search.flow import Flow, evaluate, vary
from evollm.types import Offspring, Outcome


@dataclass(frozen=True)
class Given:
    """An operator that returns given genomes."""

    genomes: Sequence[Any]

    def vary(self, parents: Sequence[Any], n: int, seed: int) -> Offspring[Any]:
        """Return the first ``n`` of them."""
        return Offspring(list(self.genomes[:n]))


@dataclass(frozen=True)
class Trial:
    """A problem whose genomes say what is to happen: a number, ``raise``, ``nan`` or ``exit``."""

    factor: float = 1.0
    elementwise: bool = True

    def evaluate(self, genomes: Sequence[Any], fidelity: int | None, seed: int) -> list[Outcome]:
        """Do what each genome says."""
        return [Outcome(self.factor * _obey(genome)) for genome in genomes]


def _obey(genome: Any) -> float:
    if genome == "raise":
        raise ValueError("a bad genome")
    if genome == "exit":
        raise SystemExit(3)
    return float(genome)


def once(genomes: Sequence[Any]) -> Flow:
    """Return a flow that scores given genomes in one batch, and ends."""
    made = yield from vary(Given(tuple(genomes)), [], len(genomes), seed=0)
    yield from evaluate(made)
