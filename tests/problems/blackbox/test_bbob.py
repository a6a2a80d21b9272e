import cloudpickle
import ioh
import numpy as np
import pytest

from evollm import EvollmError
from problems.blackbox.bbob import NAMES, bbob
from tests.support_each import each


@each("number", range(1, 25))
def test_values_are_those_of_ioh_and_the_optimum_is_the_least(number):
    problem, space, optimum = bbob(NAMES[number - 1], 3, instance=2)
    reference = ioh.get_problem(number, 2, 3, ioh.ProblemClass.BBOB)
    places = np.random.default_rng(number).random((5, 3))
    values = [-one.fitness for one in problem.evaluate(list(places), None, 0)]
    assert values == pytest.approx([reference(list(space.decode(u))) for u in places], rel=1e-12)
    assert optimum == reference.optimum.y
    assert min(values) > optimum
    [best] = problem.evaluate([space.encode(reference.optimum.x)], None, 0)
    assert -best.fitness == pytest.approx(optimum, abs=1e-6)


def test_one_function_has_several_names():
    names = [3, "3", "f3", "F3", "rastrigin", "Rastrigin"]
    assert {bbob(name, 2)[0].name for name in names} == {"bbob-f3-d2-i1"}


def test_underscores_do_for_hyphens():
    assert bbob("bent_cigar", 2)[0].name == bbob("bent-cigar", 2)[0].name == "bbob-f12-d2-i1"


def test_instances_differ_and_the_middle_is_not_the_optimum():
    middle = [np.full(2, 0.5)]
    gaps = []
    for instance in range(1, 6):
        problem, _, optimum = bbob(1, 2, instance)
        gaps.append(-problem.evaluate(middle, None, 0)[0].fitness - optimum)
    assert len(set(gaps)) == 5
    assert min(gaps) > 0.01


def test_a_problem_travels_to_a_worker():
    problem, _, _ = bbob("gallagher-21", 4, 3)
    places = [np.full(4, 0.3)]
    again = cloudpickle.loads(cloudpickle.dumps(problem))
    assert again.evaluate(places, None, 0) == problem.evaluate(places, None, 0)


@each("name", [0, 25, "f25", "f", "ackley", "", "-1", "³"])
def test_an_unknown_function_is_refused_with_the_names(name):
    with pytest.raises(EvollmError, match="rastrigin"):
        bbob(name, 2)


def test_dimensions_below_two_and_instances_below_one_are_refused():
    for dimension, instance in [(1, 1), (2, 0)]:
        with pytest.raises(EvollmError, match="a dimension of at least 2"):
            bbob("sphere", dimension, instance)
