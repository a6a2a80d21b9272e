import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.trees.genome import Leaf, Split, depth, size
from problems.trees.model.pruning import idle, simplified
from tests.operators.trees.support_growth import trees
from tests.problems.trees.support_rows import arrive, tables


@given(trees(), tables(), st.booleans())
def test_a_simplified_tree_says_the_same_about_its_rows(tree, X, equal_leaves):
    made = simplified(tree, X, equal_leaves)
    assert [arrive(made, row).value for row in X] == [arrive(tree, row).value for row in X]
    assert size(made) <= size(tree)
    assert depth(made) <= depth(tree)
    assert simplified(made, X, equal_leaves) == made
    assert idle(made, X) == 0


def test_splits_that_tell_no_rows_apart_go():
    X = np.array([[0.0], [1.0], [2.0]])
    tree = Split(0, 5.0, Split(0, 0.5, Leaf(0), Split(0, -1.0, Leaf(0), Leaf(1))), Leaf(2))
    assert simplified(tree, X) == Split(0, 0.5, Leaf(0), Leaf(1))
    assert idle(tree, X) == 2


def test_equal_leaves_go_if_asked():
    X = np.array([[0.0], [1.0], [2.0]])
    tree = Split(0, 0.5, Leaf(0), Split(0, 1.5, Leaf(1), Leaf(1)))
    assert simplified(tree, X) == tree
    assert simplified(tree, X, equal_leaves=True) == Split(0, 0.5, Leaf(0), Leaf(1))
