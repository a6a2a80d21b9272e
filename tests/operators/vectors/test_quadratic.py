"""Steps to the minimum of a fitted quadratic function."""

import numpy as np
import pytest

from evollm.types import Candidate, Individual, Outcome
from operators.vectors.quadratic import (
    QuadraticStep,
    fewest_of,
    lowest,
    lowest_separable,
    points_of,
)
from tests.support_each import each

OPTIMUM = np.array([0.3, 0.6])


def bowl(rows):
    """A rotated ellipse."""
    turned = (rows - OPTIMUM) @ np.array([[1.0, 0.4], [-0.4, 1.0]])
    return (turned**2 * [1.0, 50.0]).sum(axis=1)


def drawn(count, seed=0, dimension=2):
    return np.random.default_rng(seed).uniform(0.2, 0.9, (count, dimension))


def parents(rows, values):
    return [
        Individual(Candidate(i, row, (), "", 0), Outcome(-float(value)))
        for i, (row, value) in enumerate(zip(rows, values, strict=True))
    ]


def test_a_quadratic_s_minimum_is_found_exactly() -> None:
    rows = drawn(points_of(2))
    [child] = QuadraticStep().vary(parents(rows, bowl(rows)), 1, 0).genomes
    assert child == pytest.approx(OPTIMUM, abs=1e-9)


def test_a_minimum_outside_is_moved_to_the_widened_box_and_the_cube() -> None:
    rows = 0.7 + 0.2 * drawn(20)
    place = lowest(rows, bowl(rows))
    assert place is not None
    low, width = rows.min(axis=0), np.ptp(rows, axis=0)
    assert (place >= low - width / 2 - 1e-9).all()
    assert lowest(drawn(20) + 0.1, ((drawn(20) - 5) ** 2).sum(axis=1)) == pytest.approx([1, 1])


@each(
    ("values", "count"),
    [
        (lambda rows: np.ones(len(rows)), 12),  # a plain
        (lambda rows: np.full(len(rows), np.inf), 12),
        (bowl, 7),  # too few
    ],
)
def test_there_may_be_none(values, count) -> None:
    rows = drawn(count)
    assert not QuadraticStep().vary(parents(rows, values(rows)), 1, 0).genomes


@each("dimension", [1, 3, 10])
def test_fewer_points_determine_a_sum_of_parabolas(dimension) -> None:
    rows = drawn(fewest_of(dimension), dimension=dimension)
    optimum = np.linspace(0.3, 0.6, dimension)
    values = (10.0 ** np.arange(dimension) * (rows - optimum) ** 2).sum(axis=1)
    [child] = QuadraticStep().vary(parents(rows, values), 1, 0).genomes
    assert child == pytest.approx(optimum, abs=1e-6)


@each("values", [lambda rows: -((rows - 0.5) ** 2).sum(axis=1), lambda rows: rows @ [1.0, -2.0]])
def test_a_hill_and_a_slope_are_left_by_a_side_of_the_widened_box(values) -> None:
    rows = drawn(12)
    [child] = QuadraticStep().vary(parents(rows, values(rows)), 1, 0).genomes
    best = rows[np.argsort(values(rows))[: fewest_of(2)]]
    low, width = best.min(axis=0), np.ptp(best, axis=0)
    sides = np.clip([low - width / 2, low + 1.5 * width], 0, 1)
    assert (np.abs(child - sides) < 1e-9).any(axis=0).all()
    assert values(child[None])[0] < values(rows).min()


def test_the_rest_of_many_points_does_not_bend_a_sum_of_parabolas() -> None:
    """Where the mixed function has no minimum, only the best points are fitted."""
    near, far = 0.5 + 0.02 * (drawn(fewest_of(2)) - 0.5), drawn(30, seed=1)
    rows = np.concatenate([near, far])
    saddle = 100 * ((far - 0.5) ** 2 * [1.0, -1.0]).sum(axis=1)
    values = np.concatenate([bowl(near), saddle - saddle.min() + bowl(near).max()])
    assert lowest(rows, values) is None
    [child] = QuadraticStep().vary(parents(rows, values), 1, 0).genomes
    assert child == pytest.approx(lowest_separable(near, bowl(near)))


def test_points_that_do_not_determine_it_give_none() -> None:
    line = np.repeat(np.linspace(0.1, 0.9, 12)[:, None], 2, axis=1)
    assert lowest(line, bowl(line)) is None
    assert not QuadraticStep().vary([], 1, 0).genomes
