import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import Candidate, EvollmError, Individual, Outcome
from evollm.testing import OperatorKit
from operators.vectors.variation import (
    Centroid,
    Differential,
    Gaussian,
    Given,
    SimulatedBinary,
    Uniform,
)
from tests.support_each import checks, each


def individual(number, genome, fitness, step=0):
    return Individual(
        Candidate(number, np.array(genome, dtype=float), (), "test", step), Outcome(fitness)
    )


@given(st.integers(1, 5), st.integers(0, 20), st.integers(0, 20), st.integers(0, 2**53 - 1))
def test_portions_of_a_uniform_stream_join(dimension, first, second, seed):
    whole = Uniform(dimension).vary([], first + second, seed).genomes
    parts = [
        *Uniform(dimension).vary([], first, seed).genomes,
        *Uniform(dimension, skip=first).vary([], second, seed).genomes,
    ]
    assert np.array_equal(np.array(whole), np.array(parts))
    assert all(((u >= 0) & (u < 1)).all() and len(u) == dimension for u in whole)


def test_given_points_come_in_order_and_no_more_than_asked():
    points = ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))
    assert np.array_equal(Given(points).vary([], 2, 0).genomes, points[:2])
    assert len(Given(points).vary([], 9, 0).genomes) == 3


def test_a_gaussian_step_has_its_size_and_stays_in_the_cube():
    centre = individual(0, [0.5, 0.5], 1.0)
    children = np.array(Gaussian(0.05).vary([centre], 4000, 1).genomes)
    assert children.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.005)
    assert children.std(axis=0) == pytest.approx([0.05, 0.05], rel=0.05)
    edge = np.array(Gaussian(0.5).vary([individual(0, [0.0, 1.0], 1.0)], 100, 1).genomes)
    assert edge.min() == 0.0
    assert edge.max() == 1.0


def test_parents_of_gaussian_steps_take_turns():
    parents = [individual(i, [0.25 * i], 0.0) for i in range(3)]
    offspring = Gaussian(0.0).vary(parents, 5, 3)
    assert [float(child[0]) for child in offspring.genomes] == [0.0, 0.25, 0.5, 0.0, 0.25]
    assert list(offspring.parents) == [[0], [1], [2], [0], [1]]


def test_a_resolution_rounds_children_to_its_grid():
    children = np.array(
        Gaussian(0.3, resolution=10).vary([individual(0, [0.5] * 3, 0)], 50, 0).genomes
    )
    assert np.allclose(children * 10, np.round(children * 10))
    assert len(np.unique(children)) > 3


def test_the_centroid_is_the_mean_of_the_best_that_have_a_score():
    rows = [individual(i, [float(i)], float(-i)) for i in (5, 1, 3, 2)]
    mean = Candidate(9, np.array([100.0]), (), "test", 0)
    offspring = Centroid(2).vary([mean, rows[1], *rows], 1, 0)
    assert offspring.genomes[0] == pytest.approx([1.5])
    assert [[mean, rows[1], *rows][i].id for i in offspring.parents[0]] == [1, 2]


def case(given):
    rows = [[0.2, 0.8], [0.5, 0.1], [1.0, 0.0], [0.3, 0.3]]
    return given, [np.array(row) for row in rows]


@each(
    "given",
    [
        Uniform(2, skip=3),
        Given(((0.1, 0.2), (0.3, 0.4))),
        Gaussian(0.1),
        Gaussian(0.0, resolution=4),
        Centroid(2),
        SimulatedBinary(),
        Differential(),
    ],
    ids=lambda operator: type(operator).__name__,
)
@each("check", checks(OperatorKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)


def test_simulated_binary_crossover_keeps_the_mean_and_narrows_with_eta():
    pair = [individual(0, [0.4, 0.5], 1.0), individual(1, [0.6, 0.5], 2.0)]
    wide = np.array(SimulatedBinary(2.0).vary(pair, 2000, 1).genomes)
    near = np.array(SimulatedBinary(50.0).vary(pair, 2000, 1).genomes)
    assert wide.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.01)
    assert np.abs(wide[:, 0] - 0.5).std() > 3 * np.abs(near[:, 0] - 0.5).std()
    assert (wide[:, 1] == 0.5).all()
    assert wide.min() >= 0
    assert len(SimulatedBinary().vary(pair, 3, 1).genomes) == 3


def test_a_differential_child_is_target_or_mutant_by_coordinate():
    four = [
        individual(i, row, 1.0)
        for i, row in enumerate([[0.1] * 6, [0.5] * 6, [0.6] * 6, [0.4] * 6])
    ]
    made = np.array(Differential(0.5, 0.0).vary(four, 50, 1).genomes)
    assert set(np.round(made, 6).ravel()) == {0.1, 0.6}
    assert (np.isclose(made, 0.6).sum(axis=1) == 1).all()
    with pytest.raises(EvollmError, match="needs four parents, not 2"):
        Differential().vary(four[:2], 1, 1)
    with pytest.raises(EvollmError, match="needs two parents"):
        SimulatedBinary().vary(four[:1], 1, 1)
