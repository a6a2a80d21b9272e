import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import EvollmError
from evollm.store.codec import decode, encode
from operators.trees.genome import (
    Leaf,
    Split,
    cut,
    depth,
    digest,
    extents,
    leaves,
    merged,
    replaced,
    same_question,
    size,
    splits,
    walk,
    with_leaves,
)
from tests.operators.trees.support_growth import trees
from tests.support_each import each

SMALL = Split(0, 1.5, Split(1, 2.5, Leaf(0), Leaf(1)), Leaf(2))


def test_depth_and_size_of_a_small_tree():
    assert (depth(SMALL), size(SMALL)) == (2, 5)
    assert (depth(Leaf(1)), size(Leaf(1))) == (0, 1)


def test_nodes_come_parents_first_and_left_first():
    assert [level for level, _ in walk(SMALL)] == [0, 1, 2, 2, 1]
    assert [leaf.value for leaf in leaves(SMALL)] == [0, 1, 2]
    assert [split.feature for split in splits(SMALL)] == [0, 1]


@given(trees())
def test_the_parts_of_a_tree_add_up(tree):
    assert len(leaves(tree)) == len(splits(tree)) + 1
    assert size(tree) == len(leaves(tree)) + len(splits(tree)) == len(list(walk(tree)))
    assert depth(tree) == max(level for level, _ in walk(tree))
    assert extents(tree) == [(depth(node), size(node)) for _, node in walk(tree)]


@given(trees())
def test_trees_come_back_from_a_record(tree):
    again = decode(encode(tree))
    assert again == tree
    assert hash(again) == hash(tree)
    assert digest(again) == digest(tree)


@given(trees(), st.data())
def test_a_replaced_subtree_is_found_at_its_place_and_nothing_else_changes(tree, data):
    nodes = [node for _, node in walk(tree)]
    place = data.draw(st.integers(0, len(nodes) - 1))
    new = Split(7, 0.25, Leaf(8), Leaf(9))
    found = [node for _, node in walk(replaced(tree, place, new))]
    assert found[place] == new
    assert size(found[0]) == size(tree) - size(nodes[place]) + 3
    assert replaced(found[0], place, nodes[place]) == tree


@each("place", [-1, 5, 99])
def test_a_place_that_is_not_there_is_refused(place):
    with pytest.raises(EvollmError, match="no such place"):
        replaced(SMALL, place, Leaf(0))


@given(trees())
def test_leaves_can_be_given_other_values(tree):
    values = list(range(len(leaves(tree))))
    made = with_leaves(tree, values)
    assert [leaf.value for leaf in leaves(made)] == values
    assert [same_question(a, b) for a, b in zip(splits(made), splits(tree), strict=True)] == [
        True
    ] * len(splits(tree))
    assert digest(made, leaf_values=False) == digest(tree, leaf_values=False)
    for wrong in (values[1:], [*values, 0]):
        with pytest.raises(EvollmError, match="leaves need the same number of values"):
            with_leaves(tree, wrong)


@given(trees(), st.integers(0, 4))
def test_a_cut_tree_is_as_deep_as_allowed_and_the_same_above(tree, most):
    short = cut(tree, most)
    assert depth(short) == min(most, depth(tree))
    if most >= depth(tree):
        assert short == tree
    if most and isinstance(tree, Split):
        assert same_question(short, tree)


@given(trees(), trees())
def test_digests_tell_trees_apart(one, other):
    assert (digest(one) == digest(other)) == (one == other)


def test_nonsense_is_refused():
    for threshold in (float("nan"), float("inf")):
        with pytest.raises(EvollmError, match="finite"):
            Split(0, threshold, Leaf(0), Leaf(1))
    with pytest.raises(EvollmError, match="index of a column from 0"):
        Split(-1, 0.0, Leaf(0), Leaf(1))


def test_splits_that_decide_nothing_are_merged():
    idle = Split(1, 2.5, Split(0, 1.0, Leaf(1), Leaf(1)), Leaf(1))
    assert merged(Split(0, 1.5, idle, Leaf(2))) == Split(0, 1.5, Leaf(1), Leaf(2))
    assert merged(idle) == Leaf(1)
    assert merged(SMALL) == SMALL
