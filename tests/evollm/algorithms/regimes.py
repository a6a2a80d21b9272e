"""Every algorithm as the engine's tests run it: one search a name, on the sphere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evollm import Individual, Outcome, Search
from evollm.algorithms import (
    Adaptive,
    Mating,
    Rung,
    generational,
    islands,
    map_elites,
    nsga2,
    one_plus_lambda,
    steady_state,
)
from evollm.algorithms.selection import roulette, uniform
from evollm.search.flow import Flow
from tests.evollm.support_parts import Blend, Sphere, Start, Vector, plain


@dataclass(frozen=True)
class Effort(Sphere):
    """The sphere, seen through noise that fades with the fidelity; all of a batch see the same."""

    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
        noise = (seed % 1000) / 1000 / (fidelity or 10**6)
        return [
            Outcome(one.fitness - noise * abs(float(genome[0])), one.metrics, info=one.info)
            for one, genome in zip(super().evaluate(genomes, None, seed), genomes, strict=True)
        ]


def key(genome: Vector) -> bytes:
    return genome.tobytes()


def quadrant(one: Individual[Vector]) -> tuple[bool, ...]:
    return tuple((one.genome[:2] > 0).tolist())


def broods(seed: int) -> Flow:
    matings = [
        Mating(Blend(), roulette, arity=3, brood=3, share=2),
        Mating(Blend(0.5), uniform, arity=1),
    ]
    return generational(Start(), matings, size=7, offspring=9, seed=seed, key=key)


def adaptive(seed: int) -> Flow:
    matings = Adaptive([Mating(Blend(0.1)), Mating(Blend(1.0), brood=2)])
    return generational(Start(), matings, size=6, seed=seed)


def climb(seed: int) -> Flow:
    return one_plus_lambda(Start(), Blend(), offspring=4, seed=seed)


def racing(seed: int) -> Flow:
    rungs = (Rung(1, keep=3), Rung(4))
    return one_plus_lambda(Start(), Blend(), offspring=5, seed=seed, rungs=rungs, key=key)


def mapping(seed: int) -> Flow:
    return map_elites(Start(), Blend(), quadrant, size=8, seed=seed)


def fronts(seed: int) -> Flow:
    return nsga2(Start(), Blend(), ["fitness", "sum"], size=8, seed=seed)


def steady(seed: int) -> Search:
    return steady_state(Start(), Blend(), size=6, seed=seed, lanes=3)


def sea(seed: int) -> Search:
    return islands(Start(), Blend(), size=4, seed=seed, lanes=3, every=2)


REGIMES: dict[str, Callable[[int], Flow | Search]] = {
    one.__name__: one
    for one in (plain, broods, adaptive, climb, racing, mapping, fronts, steady, sea)
}
ASYNCHRONOUS = ("steady", "sea")


def problem(name: str, tally: str | None = None, pause: float = 0.0) -> Sphere:
    """Return what a regime searches: the racing one needs a problem with fidelities."""
    return (Effort if name == "racing" else Sphere)(tally, pause)
