"""Broods: many jobs as one make what they make one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, run
from evollm.algorithms import Adaptive, Mating, generational
from evollm.algorithms.broods import Broods
from evollm.errors import EvollmError
from evollm.store.record import Record
from evollm.testing import OperatorKit
from evollm.types import Offspring, Parent
from operators.compose import Chain, Unique
from operators.masks import FlipBits, PointCrossover, RandomMasks
from tests.operators.test_compose import parents
from tests.support_each import checks, each

BOTH = Chain([PointCrossover(2), FlipBits()])


@each("check", checks(OperatorKit))
def test_conformance_broods(check: Callable[..., None], tmp_path: Path) -> None:
    check((Broods(BOTH, 2, 1), [np.arange(6) % k < 2 for k in (3, 4)] * 7), tmp_path)


@each("length", [8, 20_000])
def test_the_children_are_those_of_each_job_alone(length: int) -> None:
    pool = parents(*np.random.default_rng(1).random((12, length)).round().astype(bool))
    made = Broods(BOTH, 2, 3).vary(pool, 18, seed=5)
    seeds = np.random.default_rng(5).integers(2**53, size=6).tolist()
    alone = [BOTH.vary(pool[2 * i : 2 * i + 2], 3, seed) for i, seed in enumerate(seeds)]
    assert np.array_equal(made.genomes, [one for part in alone for one in part.genomes])
    assert [list(own) for own in made.parents] == [
        [2 * i, 2 * i + 1] for i in range(6) for _ in "abc"
    ]


@dataclass(frozen=True)
class Careless:
    """Says that it can do many jobs at once, and makes one child too few."""

    elementwise = True

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        return Offspring([parent.genome for parent in parents][:n])

    def vary_many(
        self, parents: Sequence[Parent[Any]], n: int, seeds: Sequence[int]
    ) -> Offspring[Any]:
        return Offspring([1] * (n * len(seeds) - 1))


def test_a_wrong_number_of_children_is_refused() -> None:
    with pytest.raises(EvollmError, match=r"Careless.vary_many returned 3 genomes and 0 lists"):
        Broods(Careless(), 1, 1).vary(parents(1, 2, 3, 4), 4, seed=0)


def bred(matings: Any) -> list[tuple[str, int, int]]:
    """Return name, children and parents of the jobs of one generation."""
    flow = generational(RandomMasks(8), matings, size=12, seed=1)
    found = run(flow, lambda mask: float(mask.sum()), budget=Budget(generations=1))
    return found.record.rows(
        "SELECT name, n, json_array_length(parents) FROM jobs WHERE kind = 'vary' AND step = 1"
        " ORDER BY id"
    )


def test_a_generation_of_an_elementwise_operator_is_one_job() -> None:
    assert bred(Mating(BOTH, arity=2, brood=2)) == [("Chain", 12, 24 // 2)]
    assert bred(Mating(BOTH, arity=2, brood=5)) == [("Chain", 10, 4), ("Chain", 2, 2)]
    assert bred(Mating(Unique(BOTH), arity=2, brood=6)) == [("Chain", 6, 2)] * 2


def test_adaptive_matings_learn_from_broods() -> None:
    arms = Adaptive([Mating(BOTH), Mating(FlipBits(), arity=1)], floor=0.5)
    jobs = bred(arms)
    assert sum(n for _, n, _ in jobs) == 12
    assert {name for name, _, _ in jobs} == {"Chain", "FlipBits"}
    assert len(jobs) <= 4


def test_a_record_names_the_parents_of_each_child(tmp_path: Any) -> None:
    flow = generational(RandomMasks(8), Mating(BOTH, arity=2, brood=2), size=8, seed=1)
    run(flow, lambda mask: float(mask.sum()), budget=Budget(generations=2), path=tmp_path)
    with Record(tmp_path, write=False) as record:
        rows = record.rows("SELECT child, count(DISTINCT parent) FROM lineage GROUP BY child")
    assert len(rows) == 16
    assert {count for _, count in rows} <= {1, 2}
