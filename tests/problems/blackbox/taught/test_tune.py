"""The options of ``evollm tune blackbox``: which teacher they mean."""

import pytest

from evollm import EvollmError
from evollm.tuning.examples import Mixture
from problems.blackbox.prior.teacher import PriorTeacher
from problems.blackbox.prior.trajectories import TrajectoryTeacher
from problems.blackbox.taught.tune import COMMAND, Options


def test_options_name_the_teacher() -> None:
    columns = (1, 2, 2, 3, 4, 5, 5, 5)
    prior = PriorTeacher(columns=columns, dimensions=6)
    others = TrajectoryTeacher(columns=columns, dimensions=6)
    assert COMMAND.teacher(Options(dimensions=6)) == prior
    assert COMMAND.teacher(Options("trajectories", dimensions=6)) == others
    assert COMMAND.teacher(Options("both", dimensions=6)) == Mixture((prior, others))
    narrow = COMMAND.teacher(Options("both", dimensions=2))
    assert narrow == Mixture(
        (
            PriorTeacher(columns=columns[:3], dimensions=2),
            TrajectoryTeacher(columns=columns[:3], dimensions=2),
        )
    )
    named = COMMAND.teacher(Options("trajectories", optimisers="Shiwa, cma"))
    assert named == TrajectoryTeacher(("shiwa", "cma"))


def test_optimisers_that_would_not_be_used_or_do_not_exist_are_refused() -> None:
    with pytest.raises(EvollmError, match="--optimisers needs --teacher trajectories or both"):
        COMMAND.teacher(Options(optimisers="cma"))
    with pytest.raises(EvollmError, match="no optimiser 'powel'; did you mean 'powell'"):
        COMMAND.teacher(Options("both", optimisers="powel"))
