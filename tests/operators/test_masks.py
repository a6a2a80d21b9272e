"""Masks: children differ as the operators say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm.errors import EvollmError
from evollm.testing import OperatorKit
from operators.masks import FlipBits, PointCrossover, Prune, RandomMasks, UniformCrossover
from tests.operators.test_compose import parents
from tests.support_each import checks, each

ONE = np.array([True] * 6 + [False] * 6)
OTHER = ~ONE


@each(
    "operator",
    [
        RandomMasks(12, 0.3),
        FlipBits(),
        FlipBits(0.3),
        Prune(1, 3),
        UniformCrossover(0.3),
        PointCrossover(1),
        PointCrossover(3),
    ],
)
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], operator: Any, tmp_path: Path) -> None:
    check((operator, [ONE, OTHER]), tmp_path)


def test_random_masks_keep_their_share() -> None:
    made = RandomMasks(100, 0.2).vary([], 100, seed=1)
    assert abs(np.mean(made.genomes) - 0.2) < 0.02


def test_flips_change_at_least_one_place() -> None:
    made = FlipBits(0.0).vary(parents(ONE), 50, seed=1)
    assert {int((child != ONE).sum()) for child in made.genomes} == {1}
    many = FlipBits().vary(parents(ONE), 500, seed=1)
    assert 1 < np.mean([(child != ONE).sum() for child in many.genomes]) < 1.8
    assert [own[0] for own in FlipBits().vary(parents(ONE, OTHER), 4, 1).parents] == [0, 1, 0, 1]


def test_pruning_only_drops_and_leaves_the_floor() -> None:
    made = Prune(1, 4, floor=2).vary(parents(ONE), 100, seed=1)
    dropped = [int((ONE & ~child).sum()) for child in made.genomes]
    assert set(dropped) == {1, 2, 3, 4}
    assert not any((child & ~ONE).any() for child in made.genomes)
    bare = np.array([True, True, False])
    none = Prune(floor=2).vary(parents(bare), 3, seed=1)
    assert (list(none.genomes), none.rejected) == ([], {"nothing to prune": 3})


def test_crossovers_take_every_place_from_a_parent() -> None:
    for operator in (UniformCrossover(), PointCrossover(2)):
        made = operator.vary(parents(np.arange(20), -np.arange(20)), 30, seed=1)
        assert all((np.abs(child) == np.arange(20)).all() for child in made.genomes)
    one = PointCrossover(1).vary(parents(ONE, OTHER), 40, seed=1)
    ends = [child.astype(int) for child in one.genomes]
    wholes = PointCrossover(1).vary(parents(np.zeros(9), np.ones(9)), 40, seed=1).genomes
    assert all(np.abs(np.diff(child)).sum() == 1 for child in wholes)
    assert len(ends) == 40


@each("operator", [UniformCrossover(), PointCrossover()])
def test_wrong_parents_are_refused(operator: UniformCrossover | PointCrossover) -> None:
    with pytest.raises(EvollmError, match="needs two parents, not 1"):
        operator.vary(parents(ONE), 1, seed=0)
    with pytest.raises(EvollmError, match="arrays of the same shape"):
        operator.vary(parents(ONE, ONE[:3]), 1, seed=0)
    with pytest.raises(EvollmError, match="least must be at least 1"):
        Prune(0, 3)
