import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import EvollmError
from operators.trees.genome import Leaf, Split, leaves
from problems.trees.data.samples import Samples
from problems.trees.model.fitted import fit, fit_all
from tests.operators.trees.support_growth import NUMBERS, REGRESSION, trees
from tests.problems.trees.support_rows import arrive, tables
from tests.support_each import each

TREE = Split(0, 0.0, Leaf(2), Split(0, 1.0, Leaf(1), Leaf(0)))


def test_leaves_say_the_heaviest_class_of_equals_the_first():
    X = [[-1.0], [-1.0], [-1.0], [0.5], [0.5]]
    model = fit(TREE, Samples.of(X, [0, 1, 1, 2, 0]), 3)
    assert model.values.tolist() == [1, 0, 0]
    assert model.probabilities[:2] == pytest.approx(np.array([[1 / 3, 2 / 3, 0], [0.5, 0, 0.5]]))


def test_weights_count():
    X = [[-1.0], [-1.0], [-1.0]]
    model = fit(TREE, Samples.of(X, [0, 1, 1], weights=[3, 1, 1]), 3)
    assert model.values[0] == 0
    assert model.probabilities[0] == pytest.approx([0.6, 0.4, 0])


def test_a_leaf_that_no_row_with_weight_reaches_keeps_what_it_says():
    model = fit(TREE, Samples.of([[-1.0], [0.5]], [1, 1], weights=[1, 0]), 3)
    assert model.values.tolist() == [1, 1, 0]
    assert model.probabilities[1:].tolist() == [[0, 1, 0], [1, 0, 0]]
    assert [leaf.value for leaf in leaves(model.tree)] == [1, 1, 0]


def test_balanced_leaves_say_the_class_with_the_largest_share_of_its_rows():
    X = [[-1.0]] * 4 + [[0.5]] * 4
    y = [0, 0, 0, 1, 0, 0, 0, 2]
    model = fit(TREE, Samples.of(X, y), 3, balanced=True)
    assert model.values.tolist() == [1, 2, 0]
    # half of class 0 and all of class 1 come to the first leaf
    assert model.probabilities[0] == pytest.approx([1 / 3, 2 / 3, 0])
    assert model.probabilities[2].tolist() == [1, 0, 0]
    assert fit(TREE, Samples.of(X, y), 3).values.tolist() == [0, 0, 0]


def test_balanced_leaves_count_weights_and_break_ties_by_the_first_class():
    X = [[-1.0], [-1.0], [0.5], [0.5]]
    even = fit(TREE, Samples.of(X, [0, 1, 0, 1], weights=[1, 3, 1, 3]), 2 + 1, balanced=True)
    assert even.values.tolist() == [0, 0, 0]
    assert even.probabilities[:2].tolist() == [[0.5, 0.5, 0]] * 2
    heavy = fit(TREE, Samples.of(X, [0, 1, 0, 1], weights=[1, 3, 1, 1]), 3, balanced=True)
    assert heavy.values.tolist() == [1, 0, 0]
    assert heavy.probabilities[0] == pytest.approx([0.5 / 1.25, 0.75 / 1.25, 0])


def test_without_refitting_leaves_say_what_the_genome_says():
    model = fit(TREE, Samples.of([[-1.0], [0.5]], [1, 1]), 3, refit=False)
    assert model.tree == TREE
    assert model.probabilities.tolist() == np.eye(3)[[2, 1, 0]].tolist()


@given(st.data(), tables(), st.booleans())
def test_leaves_of_regression_say_the_weighted_mean_of_their_rows(data, X, weighed):
    tree = data.draw(trees(REGRESSION))
    n = len(X)
    y = np.array(data.draw(st.lists(st.sampled_from(NUMBERS), min_size=n, max_size=n)))
    weights = np.array(data.draw(st.lists(st.integers(1, 3), min_size=n, max_size=n)), float)
    samples = Samples.of(X, y, weights if weighed else None)
    model = fit(tree, samples, 0)
    reached = [arrive(tree, row) for row in X]
    for leaf, value in zip(leaves(tree), model.values, strict=True):
        mine = np.array([found is leaf for found in reached])
        if mine.any():
            used = weights[mine] if weighed else None
            assert value == pytest.approx(np.average(y[mine], weights=used))
        else:
            assert value == leaf.value
    assert model.probabilities.shape == (len(leaves(tree)), 0)


@given(st.data(), tables())
def test_a_population_is_fitted_as_its_trees_are_alone(data, X):
    population = data.draw(st.lists(trees(), max_size=3))
    y = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(X), max_size=len(X))))
    samples = Samples.of(X, y)
    for tree, model in zip(population, fit_all(population, samples, 3), strict=True):
        alone = fit(tree, samples, 3)
        assert np.array_equal(model.values, alone.values)
        assert np.array_equal(model.probabilities, alone.probabilities)
        assert model.predict(X).tolist() == [arrive(model.tree, row).value for row in X]


def test_nonsense_is_refused():
    samples = Samples.of([[-1.0]], [1])
    with pytest.raises(EvollmError, match="must have a class of 0 to 1"):
        fit(TREE, samples, 2, refit=False)
    with pytest.raises(EvollmError, match="column 0, but there are 0"):
        fit(TREE, samples, 3).predict(np.empty((2, 0)))


@each(
    ("more", "message"),
    [
        ({"y": [0.0]}, "2 finite numbers"),
        ({"y": [0.0, np.nan]}, "finite"),
        ({"y": ["a", "b"]}, "by their index"),
        ({"weights": [1, -1]}, "at least 0"),
        ({"weights": [0, 0]}, "not all 0"),
        ({"groups": ["a"]}, "one label per row"),
        ({"X": np.empty((0, 1)), "y": []}, "at least one"),
    ],
)
def test_rows_that_are_none_are_refused(more, message):
    with pytest.raises(EvollmError, match=message):
        Samples.of(**{"X": [[0.0], [1.0]], "y": [0, 1], **more})
