import warnings

import numpy as np

from evollm import Budget, run
from evollm.testing import FlowKit
from problems.blackbox.bbob import bbob
from problems.blackbox.controls import (
    Control,
    cma_es,
    constant_answer,
    hill_climbing,
    random_search,
    recombination_es,
)
from problems.blackbox.function import Function, Noise
from problems.blackbox.interface.minimizing import minimize
from problems.blackbox.space import Space
from tests.problems.blackbox.support_drive import drive
from tests.support_each import checks, each

CONVERGING = [hill_climbing, recombination_es, cma_es]
ALL = [*CONVERGING, random_search, constant_answer]


def gap(flow, evaluations, function="sphere", dimension=2, instance=1):
    problem, _, optimum = bbob(function, dimension, instance)
    result = run(flow, problem, budget=Budget(evaluations))
    assert result.usage.evaluations == evaluations
    return -result.fitness - optimum


@each("baseline", CONVERGING)
def test_baselines_converge_on_the_sphere_where_random_search_does_not(baseline):
    gaps = [gap(baseline(2, seed=seed), 300, instance=seed + 1) for seed in range(3)]
    random = [gap(random_search(2, seed=seed), 300, instance=seed + 1) for seed in range(3)]
    assert np.median(gaps) < 0.05
    assert np.median(gaps) < np.median(random) / 3


@each("given", ALL, ids=lambda baseline: baseline.__name__)
@each("check", checks(FlowKit))
def test_conformance(check, given, tmp_path):
    check((lambda seed: given(3, seed=seed), bbob("rastrigin", 3)[0]), tmp_path)


@each("baseline", CONVERGING)
def test_all_searches_of_a_seed_begin_with_the_same_points(baseline):
    problem, _, _ = bbob("rastrigin", 3)
    start = ((0.25, 0.5, 0.75),)
    own = drive(baseline(3, seed=6, start=start), problem, 11)[1]
    other = drive(random_search(3, seed=6, start=start), problem, 11)[1]
    pairs = zip(own[:11], other[:11], strict=True)
    assert all(np.array_equal(a.genome, b.genome) for a, b in pairs)
    assert tuple(own[0].genome) == start[0]


def test_cma_es_leaves_numpys_global_state_alone_and_says_and_writes_nothing(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    before = np.random.get_state()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flat = Function(lambda x: 1.0, Space.of([(0, 1)] * 2))
        drive(cma_es(2), flat, 200)
        assert gap(cma_es(5, sigma=0.3, population=6), 400, "rastrigin", 5) < 100
    after = np.random.get_state()  # noqa: NPY002
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_cma_es_starts_anew_where_it_has_converged():
    problem, _, optimum = bbob("sphere", 2)
    _, scored = drive(cma_es(2, seed=1), problem, 1500)
    gaps = np.array([-one.fitness - optimum for one in scored])
    first = int(np.argmax(gaps < 1e-10))
    assert 0 < first < 1000
    assert gaps[first + 100 :].max() > 0.1


def test_cma_es_survives_evaluations_that_fail():
    space = Space.of([(-5, 5)] * 2)
    function = Function(lambda x: float("nan") if x[0] > 0 else float(((x + 1) ** 2).sum()), space)
    _, scored = drive(cma_es(2, seed=0), function, 300)
    assert max(one.fitness for one in scored) > -1e-3


def test_the_constant_answer_wins_where_the_optimum_is_in_the_middle_and_only_there():
    space = Space.of([(-5, 5)] * 4)
    centred = Function(lambda x: float((x**2).sum()), space)
    _, scored = drive(constant_answer(4), centred, 6)
    assert scored[0].fitness == 0.0
    assert all(np.abs(one.genome - 0.5).max() < 0.2 for one in scored)
    assert gap(constant_answer(4), 50, dimension=4) > 1.0


def test_recombination_stands_still_with_a_step_of_zero_and_moves_by_the_spread_otherwise():
    problem, _, _ = bbob("sphere", 2)
    _, scored = drive(recombination_es(2, sigma=0.0), problem, 15)
    best = sorted(scored[:10], key=lambda one: -one.fitness)[:4]
    mean = np.mean([one.genome for one in best], axis=0)
    assert np.allclose([one.genome for one in scored[10:15]], mean)
    _, scored = drive(recombination_es(2), problem, 15)
    assert len({one.genome.tobytes() for one in scored}) == 15


def test_quadratic_steps_find_the_bottom_of_a_bowl() -> None:
    plain, fitted = (
        gap(recombination_es(2, seed=1, quadratic=quadratic), 60, instance=2)
        for quadratic in (False, True)
    )
    assert fitted < 1e-4 * plain


@each("name", ["hill", "recombination"])
def test_a_search_goes_on_where_points_that_are_scored_again_fail(name: str) -> None:
    rng = np.random.default_rng(3)

    def shaky(x):
        if rng.random() < 0.6:
            raise ValueError("no value")
        return float((x**2).sum())

    settings = {"quadratic": True} if name == "recombination" else {}
    strategy = Control(name, settings)
    found = minimize(shaky, [(-5, 5)] * 2, 60, strategy=strategy, noise=Noise(elite=2), seed=1)
    assert found.result.usage.evaluations >= 60


def test_values_that_differ_by_more_than_a_number_can_hold_have_no_fit() -> None:
    space = Space.of([(-5, 5)] * 2)
    cliff = Function(lambda x: float(np.sign(x[0]) * 1e308 + (x**2).sum()), space)
    _, scored = drive(recombination_es(2, quadratic=True), cliff, 40)
    assert len(scored) == 40
