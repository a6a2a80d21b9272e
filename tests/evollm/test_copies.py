"""Copies share nothing changeable with what they were made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evollm import Budget, Outcome, Serial, Threads, operator, run
from evollm.algorithms.generations import generational
from evollm.copies import independent
from evollm.executors.base import Executor
from evollm.testing import once
from tests.evollm.support_parts import Start, digest
from tests.support_each import each


@dataclass(frozen=True)
class Pair:
    left: Any
    right: Any


FIXED = [1, 2.5, True, None, "text", b"bytes", np.float32(1), (1, ("a", 2.0)), Pair(1, Pair(2, ()))]


@each("value", FIXED)
def test_what_cannot_change_is_not_copied(value: Any) -> None:
    assert independent(value) is value


def test_what_can_change_is() -> None:
    inner, array = [1], np.arange(6.0).reshape(2, 3).T
    for value in ([inner], (inner, 2), {"a": inner}, Pair(0, Pair(inner, 1)), [1, {"b": (inner,)}]):
        own = independent(value)
        assert own == value
        assert type(own) is type(value)
        inner.append(2)
        assert own != value
        inner.pop()
    own = independent(array)
    assert not np.shares_memory(own, array)
    assert (own == array).all()
    assert own.flags["C_CONTIGUOUS"]


def test_what_cannot_be_copied_stays_as_it_is() -> None:
    coming = iter([1])
    generator = (one for one in coming)
    assert independent(generator) is generator


@each("executor", [Serial(), Threads(2)])
def test_a_search_is_the_same_after_a_resume_whatever_functions_change(
    executor: Executor, tmp_path: Path
) -> None:
    trace: list[float] = []
    buffer = np.zeros(4)

    @operator
    def greedy(parents: list[Any], rng: np.random.Generator) -> Any:
        parents[0] += rng.normal(size=4)
        buffer[:] = parents[0]
        return buffer

    def fitness(genome: Any) -> Any:
        trace[:] = genome.tolist()
        np.clip(genome, -1, 1, out=genome)
        return Outcome(-float(genome @ genome), info=trace, genome=genome)

    def search(budget: int, path: Path) -> str:
        flow = generational(Start(), greedy, size=4, seed=1)
        return digest(run(flow, fitness, budget=Budget(budget), path=path, executor=executor))

    if isinstance(executor, Threads):
        executor.workers = 1  # the functions share what they change
    whole = search(30, tmp_path / "whole")
    assert search(30, tmp_path / "whole") == whole
    for budget in (7, 19, 30):
        cut = search(budget, tmp_path / "cut")
    assert cut == whole


def test_one_genome_in_two_places_is_two_genomes_to_a_function() -> None:
    genome = [3, 1, 2]

    def fitness(one: list[int]) -> int:
        return one.pop(0)

    found = run(once([genome, genome]), fitness)
    assert [one.fitness for one in found.population] == [3.0, 3.0]
    assert genome == [3, 1, 2]
