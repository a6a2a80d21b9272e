"""Small real operators, problems and flows that the engine's tests share."""

import hashlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm import Individual, Offspring, Outcome, Result
from evollm.algorithms import generational
from evollm.search.flow import Flow
from evollm.store.codec import encode

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Start:
    size: int = 4

    def vary(self, parents: Sequence[Any], n: int, seed: int) -> Offspring[Vector]:
        return Offspring(list(np.random.default_rng(seed).uniform(-1, 1, (n, self.size))))


@dataclass(frozen=True)
class Blend:
    spread: float = 0.2

    def vary(self, parents: Sequence[Any], n: int, seed: int) -> Offspring[Vector]:
        rng = np.random.default_rng(seed)
        middle = np.mean([parent.genome for parent in parents], axis=0)
        return Offspring([middle + self.spread * rng.normal(size=middle.shape) for _ in range(n)])


@dataclass(frozen=True)
class Sphere:
    """Minus the squared length; appends each evaluated genome to a file, if there is one."""

    tally: str | None = field(default=None, metadata={"parameter": False})
    pause: float = field(default=0.0, metadata={"parameter": False})
    elementwise = True

    def evaluate(self, genomes: Sequence[Vector], fidelity: Any, seed: int) -> list[Outcome]:
        return [self._score(genome) for genome in genomes]

    def _score(self, genome: Vector) -> Outcome:
        if self.tally:
            with open(self.tally, "a") as file:
                file.write(genome.tobytes().hex() + "\n")
        time.sleep(self.pause)
        squares = float((genome**2).sum())  # a BLAS adds in an order that depends on the processor
        return Outcome(-squares, {"sum": float(genome.sum())}, info=(1, "two"))


@dataclass(frozen=True)
class Deadly:
    """Does to its own process what the genome says."""

    elementwise = True

    def evaluate(self, genomes: Sequence[Any], fidelity: Any, seed: int) -> list[Outcome]:
        return [Outcome(self._score(genome)) for genome in genomes]

    def _score(self, genome: Any) -> float:
        if genome == "exit":
            os._exit(7)
        if genome == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if genome == "sleep":
            time.sleep(600)
        return float(genome)


def plain(seed: int, size: int = 8) -> Flow:
    return generational(Start(), Blend(), size=size, seed=seed)


def digest(result: Result[Any]) -> str:
    """Hash the population bit for bit: ids, lineage, genomes and outcomes."""
    return digest_of(result.population)


def best_of(result: Result[Any]) -> str:
    assert result.best
    return digest_of([result.best])


def digest_of(population: Sequence[Individual[Any]]) -> str:
    text = [
        (
            one.id,
            one.parents,
            one.operator,
            one.step,
            encode(one.genome),
            one.fitness.hex(),
            sorted(one.metrics.items()),
            one.error,
            one.outcome.info,
            one.fidelity,
        )
        for one in population
    ]
    return hashlib.sha256(repr(text).encode()).hexdigest()[:16]
