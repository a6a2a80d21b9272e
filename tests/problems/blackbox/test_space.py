from math import isclose, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds

from evollm import EvollmError
from problems.blackbox.space import Category, Integer, Real, Space
from tests.support_each import each

unit = st.floats(0, 1)
ends = st.floats(-1e6, 1e6).flatmap(
    lambda low: st.floats(1e-3, 1e6).map(lambda width: (low, low + width))
)
positive = st.floats(1e-6, 1e6).flatmap(
    lambda low: st.floats(1.01, 1e6).map(lambda ratio: (low, low * ratio))
)
wholes = st.integers(-(10**6), 10**6).flatmap(
    lambda low: st.integers(1, 10**6).map(lambda width: (low, low + width))
)


@given(ends, unit)
def test_a_real_comes_back_from_its_place(pair, u):
    low, high = pair
    value = Real(low, high).decode(u)
    assert low <= value <= high
    assert isclose(Real(low, high).encode(value), u, abs_tol=1e-6)


@given(positive, unit)
def test_on_a_log_scale_the_middle_is_the_geometric_mean(pair, u):
    low, high = pair
    dimension = Real(low, high, log=True)
    assert isclose(dimension.decode(0.5), (low * high) ** 0.5, rel_tol=1e-9)
    assert isclose(dimension.encode(dimension.decode(u)), u, abs_tol=1e-6)


@given(wholes, st.data())
def test_an_integer_comes_back_from_its_place(pair, data):
    low, high = pair
    value = data.draw(st.integers(low, high))
    assert Integer(low, high).decode(Integer(low, high).encode(value)) == value
    if low > 0:
        scaled = Integer(low, high, log=True)
        assert scaled.decode(scaled.encode(value)) == value


def test_integers_have_equal_shares_of_the_unit_interval():
    drawn = [Integer(-1, 3).decode(u) for u in (np.arange(1000) + 0.5) / 1000]
    assert np.unique(drawn, return_counts=True)[1].tolist() == [200] * 5
    assert Integer(-1, 3).decode(0.0) == -1
    assert Integer(-1, 3).decode(1.0) == 3


def test_integers_on_a_log_scale_have_their_shares_of_the_logarithm():
    drawn = np.array([Integer(1, 8, log=True).decode(u) for u in (np.arange(9999) + 0.5) / 9999])
    share = log(1.5 / 0.5) / log(8.5 / 0.5)
    assert np.mean(drawn == 1) == pytest.approx(share, abs=1e-3)
    assert set(drawn) == set(range(1, 9))


@given(unit, unit, st.integers(-5, 5))
def test_snapping_leaves_reals_and_is_the_same_point(x, y, low):
    space = Space.of({"x": (0, 9), "n": Integer(low, low + 6), "c": Category(("a", "b", "c"))})
    u = np.array([x, y, y])
    snapped = space.snap(u)
    assert snapped[0] == x
    assert space.decode(snapped) == space.decode(u)
    assert np.array_equal(space.snap(snapped), snapped)


@each(
    "given_",
    [
        [(-5, 5), (0, 2)],
        ((-5, 5), (0.0, 2)),
        np.array([[-5, 5], [0, 2]]),
        Bounds([-5, 0], [5, 2]),
        [Real(-5, 5), Real(0, 2)],
    ],
)
def test_bounds_come_in_all_the_usual_shapes(given_):
    space = Space.of(given_)
    assert len(space) == 2
    assert np.array_equal(space.decode(np.array([0.0, 1.0])), [-5.0, 2.0])
    assert Space.of(space) is space


def test_named_points_are_dicts_in_and_out():
    space = Space.of(
        {"rate": Real(1e-4, 1e-1, log=True), "depth": Integer(1, 8), "kind": Category(tuple("xy"))}
    )
    point = {"rate": 0.01, "depth": 3, "kind": "y"}
    back = space.decode(space.encode(point))
    assert back["rate"] == pytest.approx(0.01)
    assert (back["depth"], back["kind"]) == (3, "y")
    assert isinstance(back["depth"], int)


def test_the_grain_is_what_a_bin_is_wide():
    space = Space.of(
        {"x": (0, 1), "n": Integer(0, 9), "c": Category(tuple("abcd")), "m": Integer(1, 3, True)}
    )
    assert space.grain == pytest.approx((0.0, 0.1, 0.25, log(3.5 / 2.5) / log(3.5 / 0.5)))


@each(
    ("make", "word"),
    [
        (lambda: Space.of([(1, 1)]), "below the upper"),
        (lambda: Space.of([(2, 1)]), "below the upper"),
        (lambda: Space.of([(float("nan"), 1)]), "finite"),
        (lambda: Space.of([(0, float("inf"))]), "finite"),
        (lambda: Space.of([(-1.7e308, 1.7e308)]), "too wide"),
        (lambda: Space.of([]), "at least one"),
        (lambda: Space.of([(1, 2, 3)]), "pair"),
        (lambda: Space.of([5]), "pair"),
        (lambda: Space.of("ab"), "pairs"),
        (lambda: Space.of(None), "pairs"),
        (lambda: Space.of([Category(tuple("ab"))]), "names"),
        (lambda: Real(0, 1, log=True), "positive"),
        (lambda: Integer(0, 4, log=True), "positive"),
        (lambda: Integer(0, 2.5), "whole"),
        (lambda: Integer(0, 2**50), r"2\*\*40"),
        (lambda: Category(("a",)), "two or more"),
        (lambda: Category(("a", "a")), "different"),
    ],
)
def test_what_is_no_space_is_refused_in_one_sentence(make, word):
    with pytest.raises(EvollmError, match=word) as caught:
        make()
    assert "\n" not in str(caught.value)


@each(
    ("point", "word"),
    [
        ([1.0], "2 numbers"),
        ([1.0, 9.0], "must be between"),
        ([1.0, float("nan")], "must be between"),
        (["x", 1.0], "number"),
    ],
)
def test_a_start_outside_of_the_box_is_refused(point, word):
    with pytest.raises(EvollmError, match=word):
        Space.of([(0, 5), (0, 5)]).encode(point)


def test_a_start_with_other_names_or_choices_is_refused():
    space = Space.of({"n": Integer(0, 4), "c": Category(tuple("ab"))})
    for point, word in [
        ({"n": 1}, "keys"),
        ({"n": 1.5, "c": "a"}, "whole"),
        ({"n": 1, "c": "z"}, "one of the choices"),
    ]:
        with pytest.raises(EvollmError, match=word):
            space.encode(point)
