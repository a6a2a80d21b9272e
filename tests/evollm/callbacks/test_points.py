"""What trackers are told of a run, read from real records."""

from itertools import pairwise
from typing import Any

import pytest

from evollm import Budget, Result, run
from evollm.algorithms import Rung, one_plus_lambda, steady_state
from evollm.callbacks.points import Points, completed
from evollm.store import rows
from tests.evollm.callbacks.support_runs import search
from tests.evollm.support_parts import Blend, Sphere, Start

ALL = 10**9


@pytest.fixture(scope="module")
def result() -> Result[Any]:
    return search(60)


def test_each_step_has_its_mean_and_the_best_so_far_in_the_users_units(result: Result[Any]) -> None:
    points = Points(result.record).until(ALL)
    found = rows.evaluations(result.record)
    sound = [one for one in found if one.error is None]
    assert len(sound) < len(found)
    assert [point.step for point in points] == sorted({one.step for one in found})
    for point in points:
        values = [-one.fitness for one in sound if one.step == point.step]
        assert point.values["mean"] == pytest.approx(sum(values) / len(values))
        assert point.values["best"] == min(-one.fitness for one in sound if one.step <= point.step)
    assert points[-1].values["best"] == -result.fitness > 0


def test_the_last_point_has_what_was_spent(result: Result[Any]) -> None:
    last = Points(result.record).until(ALL)[-1].values
    usage = result.usage
    spent = {name: getattr(usage, name) for name in ("failed", "calls", "tokens", "money")}
    assert {name: last[name] for name in spent} == spent
    assert usage.failed > 0 < usage.calls
    assert list(last)[-1] == "evaluations"
    assert last["evaluations"] == 60


def test_points_are_read_once_however_they_are_asked_for(result: Result[Any]) -> None:
    points = Points(result.record)
    parts = [point for step in (-1, 0, 2, 2, ALL) for point in points.until(step)]
    assert parts == Points(result.record).until(ALL)


def test_the_best_is_the_one_that_the_flow_names() -> None:
    flow = one_plus_lambda(Start(), Blend(), offspring=4, rungs=[Rung(1)], seed=1)
    found = run(flow, Sphere(), budget=Budget(30))
    named = dict(found.record.rows("SELECT step, fitness FROM bests"))
    points = Points(found.record).until(found.record.rows("SELECT max(step) FROM bests")[0][0])
    assert named
    assert {point.step: point.values["best"] for point in points} == named


def test_steps_of_lanes_are_read_when_all_have_answered() -> None:
    read: list[tuple[int, float]] = []

    class Watch:
        points: Points | None = None

        def __call__(self, under_way: Any, individual: Any) -> None:
            self.points = self.points or Points(under_way.record)
            new = self.points.until(completed(under_way))
            read.extend((point.step, point.values["evaluations"]) for point in new)

    flow = steady_state(Start(), Blend(), size=6, lanes=4, seed=1)
    run(flow, Sphere(), budget=Budget(evaluations=60), callbacks=[Watch()])
    steps, evaluations = zip(*read, strict=True)
    assert steps == tuple(range(len(steps)))
    assert evaluations[0] == 6
    assert all(one < other <= 60 for one, other in pairwise(evaluations))
