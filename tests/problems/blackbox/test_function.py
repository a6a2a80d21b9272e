import cloudpickle
import numpy as np
import pytest

from evollm import EvollmError
from evollm.testing import ProblemKit
from problems.blackbox.bbob import bbob
from problems.blackbox.function import Function
from problems.blackbox.space import Category, Integer, Space
from tests.support_each import checks, each

BOX = Space.of([(-5, 5), (0, 10)])
PLACES = [np.array([0.5, 0.5]), np.array([0.0, 1.0])]


def total(x):
    return float(x.sum())


class Sums:
    def evaluate(self, points):
        assert points.shape == (2, 2)
        return points.sum(axis=1)


def fitness(problem, places=PLACES):
    return [one.fitness for one in problem.evaluate(places, None, 0)]


def test_minimising_negates_and_maximising_does_not():
    assert fitness(Function(total, BOX)) == [-5.0, -5.0]
    assert fitness(Function(total, BOX, maximize=True)) == [5.0, 5.0]
    zero = Function(lambda x: 0.0, BOX)
    assert str(fitness(zero)[0]) == "0.0"


def test_an_object_takes_the_whole_batch_and_a_function_one_point():
    assert fitness(Function(Sums(), BOX)) == fitness(Function(total, BOX))
    assert not Function(Sums(), BOX).elementwise
    assert Function(total, BOX).elementwise


def test_an_object_may_take_the_seed_and_allow_cutting():
    class Seeded:
        seeded = True
        elementwise = True

        def evaluate(self, points, seed):
            return [(seed + point[0], {"seed": seed}) for point in points]

    problem = Function(Seeded(), BOX, maximize=True)
    found = problem.evaluate(PLACES, None, 7)
    assert [(one.fitness, one.info) for one in found] == [(7.0, {"seed": 7}), (2.0, {"seed": 7})]
    assert problem.elementwise


def test_named_spaces_hand_out_dicts_alone_or_in_a_list():
    space = Space.of({"n": Integer(1, 4), "c": Category(tuple("ab"))})
    place = space.encode({"n": 3, "c": "b"})

    class Dicts:
        def evaluate(self, points):
            return [point["n"] + (point["c"] == "b") for point in points]

    assert fitness(Function(lambda p: p["n"] + (p["c"] == "b"), space, True), [place]) == [4.0]
    assert fitness(Function(Dicts(), space, True), [place]) == [4.0]


def test_a_pair_brings_information_along():
    [one, _] = Function(lambda x: (1.0, {"where": x.tolist()}), BOX).evaluate(PLACES, None, 0)
    assert (one.fitness, one.info) == (-1.0, {"where": [0.0, 5.0]})


BROKEN = [lambda x: 1 / 0, lambda x: None, lambda x: "one", lambda x: "1.0", lambda x: x]


@each("broken", BROKEN)
def test_what_one_point_breaks_fails_that_evaluation_alone(broken):
    problem = Function(lambda x: broken(x) if x[0] == 0 else 2.0, BOX)
    bad, good = problem.evaluate(PLACES, None, 0)
    assert bad.error
    assert bad.fitness == -np.inf
    assert good.error is None
    assert good.fitness == -2.0


def test_nan_is_a_failure_whichever_way_it_points():
    for maximize in (False, True):
        [one, _] = Function(lambda x: float("nan"), BOX, maximize).evaluate(PLACES, None, 0)
        assert one.error
        assert one.fitness == -np.inf


def test_a_batch_with_values_missing_is_a_mistake():
    class Short:
        def evaluate(self, points):
            return [1.0]

    with pytest.raises(EvollmError, match="1 values for 2 points"):
        Function(Short(), BOX).evaluate(PLACES, None, 0)


def test_values_that_a_function_yields_arrive_one_by_one():
    asked = []

    def one(point):
        asked.append(point.tolist())
        return float(point.sum())

    class Lazy:
        def evaluate(self, points):
            return map(one, points)

    for function in (Lazy(), one):
        asked.clear()
        coming = Function(function, BOX).evaluate(PLACES, None, 0)
        assert next(coming).fitness == -sum(asked[0])
        assert len(asked) == 1
        assert len(list(coming)) == 1


def test_a_lambda_travels_to_a_worker():
    offset = 3.0
    problem = Function(lambda x: float(x.sum()) + offset, BOX)
    assert fitness(cloudpickle.loads(cloudpickle.dumps(problem))) == [-8.0, -8.0]


def test_what_is_no_function_is_refused():
    with pytest.raises(EvollmError, match="is not a function"):
        Function(3, BOX)


def case(given):
    problem = {
        "one by one": Function(total, BOX),
        "batch": Function(Sums(), BOX),
        "bbob": bbob("discus", 2)[0],
    }[given]
    return problem, PLACES, None


@each("given", ["one by one", "batch", "bbob"])
@each("check", checks(ProblemKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)
