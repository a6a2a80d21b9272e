"""The prior over functions: optima, families, and examples that say where the optimum is."""

import numpy as np
import pytest

from evollm import EvollmError
from problems.blackbox.prior.landscapes import FAMILIES, SHARES, draw
from problems.blackbox.prior.teacher import PriorTeacher
from problems.blackbox.prior.walks import walk


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shape_is_smallest_at_its_optimum(family: str) -> None:
    rng = np.random.default_rng(0)
    for dimension in (1, 2, 5):
        for _ in range(20):
            shape = FAMILIES[family](rng, dimension)
            lowest = shape(np.zeros((1, dimension)))[0]
            assert (shape(rng.uniform(-1, 1, (200, dimension))) >= lowest - 1e-9).all()


def test_shares_are_of_all_families_and_all_are_drawn() -> None:
    assert len(SHARES) == len(FAMILIES)
    assert sum(SHARES) == pytest.approx(1)
    rng = np.random.default_rng(0)
    assert {draw(rng, 2).family for _ in range(300)} == set(FAMILIES)


def test_a_walk_stays_in_the_cube_and_shows_its_best_last() -> None:
    rng = np.random.default_rng(1)
    landscape = draw(rng, 3)
    found = walk(landscape, 60, rng)
    assert found.points.shape == (60, 3)
    assert ((found.points >= 0) & (found.points <= 1)).all()
    np.testing.assert_array_equal(found.best(7)[-1], found.points[np.argmin(found.values)])


def test_examples_are_determined_by_the_seed_and_have_rows_of_digits() -> None:
    teacher = PriorTeacher(rows=(4,), columns=(3,))
    first, again = teacher.examples(9, 5), teacher.examples(9, 5)
    assert first == again
    assert first != teacher.examples(9, 6)
    for example in first:
        lines = [*str(example.prompt).splitlines(), example.answer.rstrip("\n")]
        assert len(lines) == 5
        assert all(len(line) == 8 and line.replace(",", "").isdigit() for line in lines)


def test_answers_tell_where_the_optimum_is() -> None:
    """The answer is nearer to the last row than a random place is, by far."""
    examples = PriorTeacher(rows=(10,), columns=(2,)).examples(200, 0)
    rng = np.random.default_rng(0)

    def numbers(text: str) -> np.ndarray:
        return np.array([int(part) for part in text.split(",")])

    gaps = [
        np.abs(numbers(one.answer.strip()) - numbers(str(one.prompt).splitlines()[-1])).mean()
        for one in examples
    ]
    others = [
        np.abs(rng.integers(0, 100, 2) - numbers(str(one.prompt).splitlines()[-1])).mean()
        for one in examples
    ]
    assert np.median(gaps) < 0.75 * np.median(others)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(EvollmError, match="must be at least"):
        PriorTeacher(columns=(3,), dimensions=2)
