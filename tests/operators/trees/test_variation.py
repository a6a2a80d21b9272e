from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import Candidate, EvollmError, Individual, Outcome
from evollm.testing import OperatorKit
from operators.trees.columns import Column, Columns
from operators.trees.genome import Leaf, Split, depth, leaves, same_question, size, splits
from operators.trees.line import write
from operators.trees.reading import read
from operators.trees.variation import KINDS, NodeMutation, RandomTrees, SubtreeCrossover
from tests.operators.trees.support_growth import COLUMNS, REGRESSION, trees
from tests.support_each import checks, each

SMALL = Split(0, 1.5, Split(2, 0.0, Leaf(0), Leaf(1), (1,)), Leaf(2))


def parents(*genomes):
    return [
        Individual(Candidate(i, genome, (), "test", 0), Outcome(0.0))
        for i, genome in enumerate(genomes)
    ]


def valid(tree, columns, most):
    """Say whether a tree is within its depth, and can be written and read."""
    again = read(write(tree, columns, 17), columns, most)
    return again.tree == tree


@given(st.integers(1, 5), st.integers(0, 2**53 - 1), st.sampled_from([COLUMNS, REGRESSION]))
def test_random_trees_split_and_stay_within_their_depth(most, seed, columns):
    for tree in RandomTrees(columns, most).vary([], 5, seed).genomes:
        assert 1 <= depth(tree) <= most
        assert valid(tree, columns, most)


def test_random_trees_ask_for_all_columns_and_say_all_classes():
    made = RandomTrees(COLUMNS, 4).vary([], 200, 0).genomes
    assert {split.feature for tree in made for split in splits(tree)} == {0, 1, 2}
    assert {leaf.value for tree in made for leaf in leaves(tree)} == {0, 1, 2}
    asked = [split for tree in made for split in splits(tree) if split.feature == 2]
    assert {split.missing_left for split in asked} == {True, False}
    assert all(0 < len(split.categories) < 3 for split in asked)


def test_columns_that_tell_nothing_apart_are_not_asked():
    columns = Columns((Column("flat"), Column("a", (0.5,))), (0, 1))
    made = RandomTrees(columns, 3).vary([], 30, 0).genomes
    assert {split.feature for tree in made for split in splits(tree)} == {1}
    flat = Columns((Column("flat"),), (0, 1))
    assert all(isinstance(tree, Leaf) for tree in RandomTrees(flat, 3).vary([], 5, 0).genomes)


@given(trees(most=4), trees(most=4), st.integers(1, 4), st.integers(0, 2**32))
def test_crossover_takes_a_subtree_from_another_and_keeps_to_the_depth(one, other, most, seed):
    found = SubtreeCrossover(most).vary(parents(one, other), 3, seed)
    for child, own in zip(found.genomes, found.parents, strict=True):
        assert depth(child) <= most
        assert sorted(own) == [0, 1]
        known = [s for tree in (one, other) for s in splits(tree)]
        assert all(any(same_question(split, old) for old in known) for split in splits(child))


def test_crossover_mixes_what_its_parents_ask():
    one = Split(0, 1.0, Split(0, 2.0, Leaf(0), Leaf(0)), Leaf(0))
    other = Split(1, 3.0, Split(1, 4.0, Leaf(1), Leaf(1)), Leaf(1))
    made = SubtreeCrossover(3).vary(parents(one, other), 50, 0).genomes
    mixed = [tree for tree in made if {split.feature for split in splits(tree)} == {0, 1}]
    assert len(mixed) > 15
    assert len(set(made)) > 5


def test_crossover_of_one_parent_uses_it_twice():
    found = SubtreeCrossover(3).vary(parents(SMALL), 2, 0)
    assert list(found.parents) == [[0, 0], [0, 0]]


@given(trees(most=4), st.integers(1, 4), st.integers(0, 2**32), st.sampled_from(KINDS))
def test_mutation_keeps_trees_valid_and_within_the_depth(tree, most, seed, kind):
    for child in NodeMutation(COLUMNS, most, (kind,)).vary(parents(tree), 3, seed).genomes:
        assert valid(child, COLUMNS, most)


@each("kind", KINDS)
def test_each_kind_of_mutation_does_what_it_says(kind):
    found = NodeMutation(COLUMNS, 3, (kind,)).vary(parents(SMALL), 40, 1)
    assert all(note == {"kind": kind} for note in found.notes)
    for child in found.genomes:
        old, new = (splits(tree) for tree in (SMALL, child))
        if kind in ("threshold", "feature", "leaf"):
            assert size(child) == size(SMALL)
            changed = sum(not same_question(a, b) for a, b in zip(old, new, strict=True))
            assert changed == (kind == "threshold") or kind == "feature"
        if kind == "threshold":
            assert [split.feature for split in new] == [0, 2]
        if kind == "leaf":
            values = [[leaf.value for leaf in leaves(tree)] for tree in (SMALL, child)]
            assert sum(a != b for a, b in zip(*values, strict=True)) == 1
        if kind == "prune":
            assert size(child) == 3
    assert len(set(found.genomes)) > 1


def test_kinds_are_drawn_evenly():
    found = NodeMutation(COLUMNS, 3).vary(parents(SMALL), 1000, 0)
    counts = Counter(note["kind"] for note in found.notes)
    assert set(counts) == set(KINDS)
    assert min(counts.values()) > 150


def test_thresholds_move_to_near_ones():
    columns = Columns((Column("a", tuple(np.arange(100.0).tolist())),), (0, 1))
    tree = Split(0, 50.0, Leaf(0), Leaf(1))
    made = NodeMutation(columns, 1, ("threshold",)).vary(parents(tree), 100, 0).genomes
    moved = [child.threshold for child in made]
    assert 50.0 not in moved
    assert 39 <= min(moved) < 50 < max(moved) <= 61


def test_parents_that_are_too_deep_are_cut():
    deep = Leaf(0)
    for _ in range(9):
        deep = Split(0, 1.0, deep, Leaf(1))
    for operator in (SubtreeCrossover(2), NodeMutation(COLUMNS, 2)):
        assert all(depth(t) <= 2 for t in operator.vary(parents(deep, deep), 20, 0).genomes)


def full(most):
    return Split(0, 1.0, full(most - 1), full(most - 1)) if most else Leaf(0)


def test_random_trees_are_bounded_in_nodes_where_their_depth_is_not():
    for most in (25, 50, 64):
        for tree in RandomTrees(COLUMNS, most, stop=0.0).vary([], 2, 0).genomes:
            assert size(tree) == 2047
            assert depth(tree) == 10
    one, other = (RandomTrees(COLUMNS, most).vary([], 5, 0).genomes for most in (10, 64))
    assert one == other


def test_children_of_deep_trees_grow_no_further():
    chain = Leaf(0)
    for _ in range(40):
        chain = Split(0, 1.0, chain, Leaf(1))
    living = [full(9), full(9), full(10), chain]
    for step in range(30):
        operator = SubtreeCrossover(50) if step % 2 else NodeMutation(COLUMNS, 50, stop=0.0)
        living = operator.vary(parents(*living), 4, step).genomes
        assert max(size(tree) for tree in living) <= 2047
        assert max(depth(tree) for tree in living) <= 50


def test_a_parent_that_is_larger_already_has_children_no_larger():
    wide = full(11)
    children = SubtreeCrossover(64).vary(parents(wide, full(3)), 30, 0).genomes
    assert max(size(tree) for tree in children) <= size(wide)
    assert len(set(children)) > 1


def test_nonsense_is_refused():
    for make in (RandomTrees, NodeMutation):
        for most in (0, 65):
            with pytest.raises(
                EvollmError, match=f"max_depth of trees must be 1 to 64, not {most}"
            ):
                make(COLUMNS, most)
    with pytest.raises(EvollmError, match="max_depth"):
        SubtreeCrossover(0)
    with pytest.raises(EvollmError, match="kinds of node mutation must be"):
        NodeMutation(COLUMNS, 2, ("graft",))


def case(given):
    none = isinstance(given, RandomTrees)
    made = RandomTrees(COLUMNS, 3).vary([], 3, 0).genomes
    return given, [] if none else made


@each(
    "given",
    [
        RandomTrees(COLUMNS, 3),
        RandomTrees(REGRESSION, 2, 0.5),
        SubtreeCrossover(3),
        NodeMutation(COLUMNS, 3),
    ],
    ids=lambda operator: type(operator).__name__,
)
@each("check", checks(OperatorKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)
