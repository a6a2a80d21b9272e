"""What can't be kept is dropped and named, and the evaluation is kept."""

import logging
import threading
from dataclasses import dataclass
from datetime import date
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import AskTell, Budget, EvollmError, Offspring, Outcome, Processes, Threads, run
from evollm.algorithms.generations import generational
from evollm.executors.base import Executor, Serial
from evollm.runtime.intake import Intake
from evollm.search.flow import Flow, evaluate, vary
from evollm.testing import Given, once
from tests.evollm.support_parts import Blend, Sphere, Start, digest
from tests.support_each import each

DAY = date(2026, 1, 2)


class Dated:
    """Scores numbers, with info and metrics of all kinds."""

    elementwise = True

    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
        return [self._score(genome) for genome in genomes]

    def _score(self, genome: int) -> Outcome:
        infos: list[Any] = [
            {"when": DAY, "why": (1, 2)},
            DAY,
            [1, DAY],
            threading.Lock(),
            {"lock": threading.Lock(), "why": 3},
            {1: DAY, (2, 3): "kept"},
        ]
        metrics: dict[Any, Any] = {"size": np.array([2]), "name": "x", "none": None, 3: np.int8(4)}
        return Outcome(np.array([float(genome)]), metrics, info=infos[genome])  # type: ignore[arg-type]


@each("executor", [Serial(), Threads(2), Processes(2)], ids=type)
def test_an_evaluation_is_kept_without_what_cannot_be(
    executor: Executor, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.WARNING, "evollm")
    genomes = list(range(6)) * 2
    for n in (6, 12, 12):
        found = run(once(genomes), Dated(), executor=executor, path=tmp_path, budget=Budget(n))
    assert found.usage.failed == 0
    outcomes = [one.outcome for one in found.population]
    assert [one.fitness for one in outcomes] == genomes
    assert [one.info for one in outcomes[:6]] == [
        {"why": (1, 2)},
        None,
        None,
        None,
        {"why": 3},
        {(2, 3): "kept"},
    ]
    assert all(one.metrics == {"size": 2.0, "3": 4.0} for one in outcomes)
    said = [record.message for record in caplog.records]
    assert (
        "the entry of info 'when' is dropped because it contains a value of type date: a record "
        "can hold numbers" in " ".join(said)
    )
    assert sum("the metric 'name' is dropped because it contains" in line for line in said) == 2
    assert len(said) == 2 * 7  # once a run


def test_notes_that_cannot_be_kept_are_dropped_too(caplog: pytest.LogCaptureFixture) -> None:
    class Dating(Blend):
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
            made = super().vary(parents, n, seed)
            return Offspring(made.genomes, [DAY] * n, {"late": np.int64(2)})

    found = run(generational(Start(), Dating(), size=4, seed=1), Sphere(), budget=Budget(12))
    assert digest(found) == digest(
        run(generational(Start(), Named(), size=4, seed=1), Sphere(), budget=Budget(12))
    )
    assert [record.message for record in caplog.records] == [
        "a note of Dating is dropped because it contains a value of type date: a record can hold "
        "numbers, strings, tuples, lists, dicts, frozen dataclasses and NumPy arrays"
    ]
    with pytest.raises(EvollmError, match="Dating returned 3 as rejections: return a dict"):
        Intake().offspring(Offspring([], rejected=3), "Dating")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Named(Blend):
    name: str = "Dating"


def test_a_genome_that_cannot_be_kept_still_ends_the_run() -> None:
    def flow() -> Flow:
        yield from evaluate((yield from vary(Given((DAY,)), [], 1, 0)))

    with pytest.raises(EvollmError, match="a genome can't contain a date: use numbers"):
        run(flow(), lambda genome: 1.0)


def test_info_that_refers_to_itself_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    ring: list[Any] = []
    ring.append(ring)
    found = run(once([1]), lambda genome: (1.0, ring))
    assert (found.fitness, found.population[0].outcome.info) == (1.0, None)
    assert "is dropped because it contains a value of type list" in caplog.text


@each("value", [np.array([2.0]), np.array(2.0), np.float32(2), True + 1, 2])
def test_numbers_of_all_kinds(value: Any) -> None:
    assert Outcome(value).fitness == 2.0
    assert run(once([1]), lambda genome: value).fitness == 2.0
    with AskTell(once([1])) as search:
        search.tell(search.ask(), [value])
        assert search.result.fitness == 2.0


@each("value", ["2.0", None, np.zeros(2), [2.0], np.zeros((1, 1)), 1j])
def test_what_is_not_a_number_fails_the_evaluation(value: Any) -> None:
    found = run(once([1, 2]), lambda genome: value if genome == 1 else 1.0)
    assert [one.fitness for one in found.population] == [-inf, 1.0]
    assert "must return a number" in str(found.population[0].error)
    with AskTell(once([1])) as search, pytest.raises(EvollmError, match="tell a number"):
        search.tell(search.ask(), [value])
