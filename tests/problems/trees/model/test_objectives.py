import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from evollm import EvollmError
from operators.trees.genome import Leaf, Split
from problems.trees.data.samples import Samples
from problems.trees.model.fitted import Fitted, fit, weigh
from problems.trees.model.objectives import LeafPredictions, measures
from problems.trees.model.routing import route
from tests.operators.trees.support_growth import REGRESSION, trees
from tests.problems.trees.support_rows import tables
from tests.support_each import each

THREE, TWO = ("a", "b", "c"), (0, 1)


def view(tree, samples, classes, refit=True, train=None):
    model = fit(tree, train or samples, classes, refit)
    numbers = route([tree], samples.X)[0]
    return LeafPredictions(
        model, numbers, samples, weigh(numbers, samples, len(model.values), classes)
    )


def measured(name, seen, classes):
    return measures([name], classes)[getattr(name, "__name__", name)](seen)


@st.composite
def views(draw, classes):
    """A tree and rows; with weights or without, refitted or not."""
    X = draw(tables())
    many = {"min_size": len(X), "max_size": len(X)}
    tree = draw(trees(most=3) if classes == 3 else trees(REGRESSION, most=3))
    if classes == 2:
        tree = draw(trees(most=3).map(lambda t: fold(t)))
    target = st.integers(0, classes - 1) if classes else st.floats(-3, 3)
    y = np.array(draw(st.lists(target, **many)), float)
    weights = draw(st.none() | st.lists(st.floats(0.25, 4), **many))
    return view(tree, Samples.of(X, y, weights), classes, draw(st.booleans()))


def fold(tree):
    """Make a tree of three classes one of two."""
    if isinstance(tree, Leaf):
        return Leaf(tree.value % 2)
    return Split(
        tree.feature,
        tree.threshold,
        fold(tree.left),
        fold(tree.right),
        tree.categories,
        tree.missing_left,
    )


def told(seen):
    """Return true and predicted classes, probabilities, and weights, of all rows."""
    model = seen.model
    samples = seen.samples
    return (
        samples.y,
        model.values[seen.numbers],
        model.probabilities[seen.numbers],
        samples.weights,
    )


@given(views(3))
def test_accuracies_are_scikit_learns(seen):
    y, predicted, _, weights = told(seen)
    assert measured("accuracy", seen, THREE) == pytest.approx(
        metrics.accuracy_score(y, predicted, sample_weight=weights)
    )
    if np.isin(predicted, y).all() and len(set(y)) > 1:  # else scikit-learn warns
        assert measured("balanced_accuracy", seen, THREE) == pytest.approx(
            metrics.balanced_accuracy_score(y, predicted, sample_weight=weights)
        )


@given(views(3))
def test_log_loss_is_scikit_learns_negated(seen):
    y, _, probabilities, weights = told(seen)
    loss = metrics.log_loss(y, probabilities, sample_weight=weights, labels=[0, 1, 2])
    assert measured("log_loss", seen, THREE) == pytest.approx(-loss, abs=1e-12)


@given(views(2))
def test_auc_of_two_classes_is_scikit_learns(seen):
    y, _, probabilities, weights = told(seen)
    found = measured("auc", seen, TWO)
    if len(set(y)) < 2:
        assert np.isnan(found)
    else:
        area = metrics.roc_auc_score(y, probabilities[:, 1], sample_weight=weights)
        assert found == pytest.approx(area)


@given(views(3))
def test_auc_of_several_classes_is_the_mean_of_each_against_the_rest(seen):
    y, _, probabilities, weights = told(seen)
    known = sorted(set(y.astype(int)))
    if len(known) > 1:
        areas = [
            metrics.roc_auc_score(y == k, probabilities[:, k], sample_weight=weights) for k in known
        ]
        assert measured("auc", seen, THREE) == pytest.approx(np.mean(areas))


@given(views(0))
def test_objectives_of_regression_are_scikit_learns(seen):
    y, predicted, _, weights = told(seen)
    loss = metrics.mean_squared_error(y, predicted, sample_weight=weights)
    assert measured("mse", seen, ()) == pytest.approx(-loss)
    if len(y) > 1 and np.ptp(y) > 1e-3:
        expected = metrics.r2_score(y, predicted, sample_weight=weights)
        assert measured("r2", seen, ()) == pytest.approx(expected)


def test_r2_without_variance_is_one_or_zero():
    for leaf, expected in ((1.0, 1.0), (0.5, 0.0)):
        seen = view(Leaf(leaf), Samples.of([[0.0], [0.0]], [1, 1]), 0, refit=False)
        assert measured("r2", seen, ()) == expected


def test_the_gap_is_the_greatest_difference_of_rates_between_groups():
    X = [[0.0], [0.0], [1.0], [1.0], [1.0], [0.0]]
    samples = Samples.of(X, [0, 1, 1, 1, 1, 0], groups=["b", "a", "a", "b", "c", "b"])
    tree = Split(0, 0.5, Leaf(0), Leaf(1))
    assert measured("gap", view(tree, samples, 2, refit=False), TWO) == pytest.approx(-2 / 3)
    assert measured("gap", view(Leaf(1), samples, 2, refit=False), TWO) == 0
    weighed = Samples.of(X[:4], [0, 1, 1, 1], [1, 3, 1, 1], ["b", "a", "a", "b"])
    assert measured("gap", view(tree, weighed, 2, refit=False), TWO) == pytest.approx(-0.25)
    numbers = Split(0, 0.5, Leaf(10.0), Leaf(20.0))
    assert measured("gap", view(numbers, samples, 0, refit=False), ()) == pytest.approx(-20 / 3)


def test_the_last_class_is_the_positive_one():
    samples = Samples.of([[0.0], [1.0]], [0, 2], groups=[0, 1])
    tree = Split(0, 0.5, Leaf(0), Leaf(1))
    assert measured("gap", view(tree, samples, 3, refit=False), THREE) == 0


def test_a_function_of_the_users_gets_labels_and_weights_as_metrics_do():
    tree = Split(0, 0.5, Leaf(0), Leaf(1))
    samples = Samples.of([[0.0], [1.0], [1.0]], [0, 1, 0], [1, 2, 3])
    seen = view(tree, samples, 2, refit=False)
    calls = []

    def mine(y_true, y_pred, sample_weight):
        calls.append((y_true.tolist(), y_pred.tolist(), sample_weight.tolist()))
        return 7

    assert measured(mine, seen, ("no", "yes")) == 7.0
    assert calls == [(["no", "yes", "no"], ["no", "yes", "yes"], [1, 2, 3])]
    assert measured(metrics.cohen_kappa_score, seen, TWO) == pytest.approx(
        metrics.cohen_kappa_score([0, 1, 0], [0, 1, 1], sample_weight=[1, 2, 3])
    )


def test_a_function_of_the_users_may_want_probabilities():
    def brier(y_true, y_pred):
        return -float(((y_pred[:, 1] - (y_true == "yes")) ** 2).mean())

    brier.needs_probabilities = True
    samples = Samples.of([[0.0], [0.0]], [0, 1])
    assert measured(brier, view(Leaf(0), samples, 2), ("no", "yes")) == -0.25


def test_a_function_of_the_users_may_judge_regression():
    seen = view(Leaf(2.0), Samples.of([[0.0], [0.0]], [1, 5]), 0, refit=False)
    assert measured(metrics.max_error, seen, ()) == 3.0


@each(
    ("objectives", "classes", "message"),
    [
        ([], TWO, "at least one"),
        ("accuracy", TWO, "a list of objectives"),
        (["acuracy"], TWO, "did you mean 'accuracy'"),
        (["mse"], TWO, "classification has no objective 'mse'"),
        (["auc"], (), "regression has no objective 'auc'"),
        (["mse", "mse"], (), "two metrics have the name 'mse'"),
        ([3], TWO, "no objective '3'"),
    ],
)
def test_objectives_that_do_not_suit_are_refused(objectives, classes, message):
    with pytest.raises(EvollmError, match=message):
        measures(objectives, classes)


def test_a_view_can_be_built_by_hand():
    samples = Samples.of([[0.0]], [0])
    model = Fitted(Leaf(0), np.array([0.0]), np.array([[1.0, 0.0]]))
    seen = LeafPredictions(model, np.array([0], np.uint8), samples, np.array([[1.0, 0.0]]))
    assert measured("log_loss", seen, TWO) == pytest.approx(0, abs=1e-15)


@each("classes", [(1.0, 2.0), (True, False), (3, 4), ("3", "4"), (1, "b")])
def test_a_users_objective_gets_the_labels_that_the_data_hold(classes):
    seen = view(Split(0, 0.0, Leaf(0), Leaf(1)), Samples.of([[-1.0], [1.0]], [0, 1]), 2)
    got = {}

    def noted(true, predicted):
        got.update(true=true.tolist(), predicted=predicted.tolist())
        return 1.0

    measured(noted, seen, classes)
    assert got == {"true": list(classes), "predicted": list(classes)}
    assert list(map(type, got["true"])) == list(map(type, classes))
