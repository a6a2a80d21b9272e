from math import inf, nextafter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import EvollmError
from operators.trees.genome import Leaf, Split, leaves
from operators.trees.variation import RandomTrees
from problems.trees.model import routing
from problems.trees.model.arrays import compiled
from problems.trees.model.routing import as_columns, goes_left, not_rounded_up, route, single
from tests.operators.trees.support_growth import COLUMNS, trees
from tests.problems.trees.support_rows import arrive, table, tables
from tests.support_each import each

ANY = st.floats(allow_nan=False, allow_infinity=False)
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(trees(thresholds=st.floats(-5, 5)), max_size=4), tables())
def test_rows_come_to_the_leaf_that_a_walk_finds(population, X):
    columns = as_columns(X)
    for tree, numbers in zip(population, route(population, columns), strict=True):
        found = leaves(tree)
        assert [id(found[number]) for number in numbers] == [id(arrive(tree, row)) for row in X]


@given(trees(thresholds=st.floats(-5, 5)), tables())
def test_arrays_and_masks_agree(tree, X):
    columns = as_columns(X)
    arrays = compiled(tree)
    assert np.array_equal(arrays.apply(columns), route([tree], columns)[0])
    assert arrays.value[arrays.feature < 0].tolist() == [leaf.value for leaf in leaves(tree)]


def test_codes_that_no_split_names_go_right():
    tree = Split(0, 0.0, Leaf(0), Leaf(1), (0, 2))
    columns = as_columns([[-1.0], [0.0], [0.5], [1.0], [2.0], [3.0], [np.nan]])
    expected = [1, 0, 1, 1, 0, 1, 1]
    assert route([tree], columns)[0].tolist() == expected
    assert compiled(tree).apply(columns).tolist() == expected


def test_blocks_of_rows_join(monkeypatch):
    X, _ = table(1, 500)
    population = RandomTrees(COLUMNS, 4).vary([], 20, 0).genomes
    whole = route(population, as_columns(X))
    monkeypatch.setattr(routing, "BLOCK", 64)
    parts = route(population, as_columns(X))
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_more_than_256_leaves_have_their_own_numbers():
    chain = Leaf(0)
    for threshold in range(299, -1, -1):
        chain = Split(0, float(threshold), Leaf(1), chain)
    columns = as_columns(np.arange(301.0)[:, None])
    assert np.array_equal(route([chain, Leaf(0)], columns)[0], np.arange(301))
    assert np.array_equal(compiled(chain).apply(columns), np.arange(301))


def test_splits_that_trees_share_are_asked_once(monkeypatch):
    asked = []
    monkeypatch.setattr(routing, "goes_left", lambda *args: asked.append(1) or goes_left(*args))
    one = Split(0, 0.5, Split(1, 0.5, Leaf(0), Leaf(1)), Leaf(0))
    other = Split(1, 0.5, Leaf(0), Split(0, 0.5, Leaf(1), Leaf(0)))
    route([one, other, one], as_columns(np.zeros((5, 2))))
    assert len(asked) == 2


@each("make", [lambda t, c: route([t], c), lambda t, c: compiled(t).apply(c)])
def test_a_column_that_is_not_there_is_refused(make):
    with pytest.raises(EvollmError, match="column 5, but there are 2"):
        make(Split(5, 0.0, Leaf(0), Leaf(1)), as_columns(np.zeros((3, 2))))


def test_no_rows_and_no_trees_are_no_trouble():
    empty = as_columns(np.zeros((0, 2)))
    tree = Split(0, 0.0, Leaf(0), Leaf(1))
    assert route([tree], empty)[0].shape == (0,)
    assert compiled(tree).apply(empty).shape == (0,)
    assert route([], empty) == []


@each(
    ("X", "message"),
    [
        ([["a"]], "numbers"),
        ([[1.0], [2.0, 3.0]], "numbers"),
        ([1.0, 2.0], "shape"),
        ([[inf]], "finite"),
        ([[1e39]], "finite"),
    ],
)
def test_tables_that_are_none_are_refused(X, message):
    with pytest.raises(EvollmError, match=message):
        as_columns(X)


@given(FLOAT32, ANY)
def test_a_threshold_that_is_not_rounded_up_splits_as_scikit_learn_does(x, threshold):
    ours = not_rounded_up(threshold)
    assert ours <= threshold
    assert (np.float32(x) <= single(ours)) == (float(np.float32(x)) <= threshold)


@given(FLOAT32.filter(lambda x: abs(x) < 1e38), st.integers(-3, 3))
def test_thresholds_right_beside_a_number_split_as_scikit_learn_does(x, steps):
    near = np.float32(x)
    middle = (float(near) + float(np.nextafter(near, np.float32(inf)))) / 2
    for threshold in (float(near), middle):
        for _ in range(abs(steps)):
            threshold = nextafter(threshold, inf * steps)
        ours = single(not_rounded_up(threshold))
        for number in (
            np.nextafter(near, np.float32(-inf)),
            near,
            np.nextafter(near, np.float32(inf)),
        ):
            assert (number <= ours) == (float(number) <= threshold)


@given(ANY.filter(lambda x: abs(x) < 1e38))
def test_a_number_is_at_most_the_threshold_that_is_written_alike(x):
    assert route([Split(0, x, Leaf(0), Leaf(1))], as_columns([[x]]))[0].tolist() == [0]
