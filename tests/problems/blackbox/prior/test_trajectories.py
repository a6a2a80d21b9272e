"""Trajectories of other optimisers, and the examples that are made of them."""

import numpy as np
import pytest

from evollm import EvollmError
from evollm.tuning.examples import Collection, Example, Mixture
from problems.blackbox.prior.landscapes import Landscape
from problems.blackbox.prior.teacher import PriorTeacher
from problems.blackbox.prior.trajectories import OPTIMISERS, TrajectoryTeacher, trajectory
from problems.blackbox.prior.walks import WARMUP
from tests.support_each import each

OPTIMUM = np.array([0.31, 0.62])
SPHERE = Landscape("sphere", OPTIMUM, lambda x: np.square(x - OPTIMUM).sum(axis=1))


@each("name", OPTIMISERS)
def test_a_trajectory_goes_to_the_optimum_and_knows_only_the_past(name: str) -> None:
    found = trajectory(name, SPHERE, 120, np.random.default_rng(0))
    assert found.known[0] == WARMUP
    assert list(found.known) == sorted(set(found.known))
    assert len(found.nexts) == len(found.known)
    assert ((found.walk.points >= 0) & (found.walk.points <= 1)).all()
    gaps = np.linalg.norm(found.nexts - OPTIMUM, axis=1)
    assert gaps[-1] < 0.05 < np.linalg.norm(found.after(0).best(1)[0] - OPTIMUM)
    again = trajectory(name, SPHERE, 120, np.random.default_rng(0))
    np.testing.assert_array_equal(again.nexts, found.nexts)
    np.testing.assert_array_equal(found.after(-1).points, found.walk.points[: found.known[-1]])


def test_examples_are_determined_by_the_seed_and_have_rows_of_digits() -> None:
    teacher = TrajectoryTeacher(rows=(4,), columns=(1, 3), dimensions=4, most=40)
    first = teacher.examples(9, 5)
    assert first == teacher.examples(9, 5)
    assert first != teacher.examples(9, 6)
    for example in first:
        lines = [*str(example.prompt).splitlines(), example.answer.rstrip("\n")]
        assert len(lines) == 5
        assert all(len(line) in (2, 8) and line.replace(",", "").isdigit() for line in lines)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(EvollmError, match=r"no optimiser 'cms'.* 'cma'"):
        TrajectoryTeacher(optimisers=("cms",))
    with pytest.raises(EvollmError, match="most must be at least 50, not 20"):
        TrajectoryTeacher(most=20)
    with pytest.raises(EvollmError, match="dimensions must be at least 10, the largest number of"):
        TrajectoryTeacher(dimensions=3)
    for wrong in ((), "cma"):
        with pytest.raises(EvollmError, match="optimisers must be a tuple of names"):
            TrajectoryTeacher(optimisers=wrong)  # type: ignore[arg-type]
    for teacher in (TrajectoryTeacher, PriorTeacher):
        with pytest.raises(EvollmError, match="rows must each be 1 or more"):
            teacher(rows=())
        with pytest.raises(EvollmError, match="columns must each be 1 or more"):
            teacher(columns=(0, 2))
        with pytest.raises(EvollmError, match="digits must be 1 to 9, not 20"):
            teacher(digits=20)


def test_a_mixture_takes_equal_shares() -> None:
    mixed = Mixture((Collection((Example("a", "1"),)), Collection((Example("b", "2"),))))
    found = mixed.examples(10, 0)
    assert sorted(one.answer for one in found) == ["1"] * 5 + ["2"] * 5
    assert found == mixed.examples(10, 0)
    both = Mixture((PriorTeacher(columns=(2,)), TrajectoryTeacher(columns=(2,))))
    assert len(both.examples(5, 0)) == 5
    with pytest.raises(EvollmError, match="at least one teacher"):
        Mixture(())
