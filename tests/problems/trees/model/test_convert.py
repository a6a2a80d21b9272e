import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from evollm import EvollmError
from evollm.testing import OperatorKit
from operators.trees.columns import Columns
from operators.trees.genome import depth, leaves, splits
from operators.trees.line import write
from problems.trees.data.samples import Samples
from problems.trees.model import convert
from problems.trees.model.convert import Forest, from_sklearn
from problems.trees.model.fitted import fit_all
from problems.trees.model.routing import route
from tests.operators.trees.support_growth import COLUMNS
from tests.problems.trees.support_rows import samples, table
from tests.support_each import checks, each

CLASSIFIERS = [DecisionTreeClassifier, ExtraTreeClassifier]
REGRESSORS = [DecisionTreeRegressor, ExtraTreeRegressor]


def agree(model, *tables):
    """Check predictions, probabilities and leaves on every table."""
    ours = from_sklearn(model)
    for X in tables:
        values = ours.predict(X)
        if hasattr(model, "classes_"):
            assert np.array_equal(ours.predict_proba(X), model.predict_proba(X))
            assert np.array_equal(model.classes_[values.astype(int)], model.predict(X))
        else:
            assert np.array_equal(values, model.predict(X))
        assert depth(ours.tree) == model.get_depth()
        assert len(leaves(ours.tree)) == model.get_n_leaves()
    return ours


def finite(elements):
    return elements.filter(lambda x: abs(x) < 1e38)


NEAR = st.sampled_from([1.0, 1 + 2**-24, 1 + 2**-23, 1 + 2**-22, 1 + 1.5 * 2**-23, 0.1, -0.0, 2.0])
NUMBERS = st.one_of(
    NEAR, finite(st.floats(allow_nan=False, width=64)), st.integers(-3, 3).map(float)
)


@settings(max_examples=120)
@given(st.data(), st.sampled_from([*CLASSIFIERS, *REGRESSORS]), st.booleans(), st.integers(0, 99))
def test_any_fitted_tree_predicts_as_its_original_on_any_rows(data, kind, gaps, seed):
    elements = st.one_of(NUMBERS, st.just(float("nan"))) if gaps else NUMBERS
    rows, width = data.draw(st.integers(1, 25)), data.draw(st.integers(1, 3))
    X = data.draw(hnp.arrays(np.float64, (rows, width), elements=elements))
    other = data.draw(hnp.arrays(np.float64, (12, width), elements=elements))
    y = data.draw(hnp.arrays(np.int64, rows, elements=st.integers(0, 2)))
    weights = data.draw(
        st.one_of(st.none(), hnp.arrays(np.float64, rows, elements=st.floats(0.1, 2)))
    )
    model = kind(max_depth=data.draw(st.integers(1, 8)), random_state=seed)
    with np.errstate(all="ignore"):
        model.fit(X, y, weights)
    agree(model, X, other)


@each("kind", CLASSIFIERS)
@each("load", [load_iris, load_breast_cancer])
def test_classifiers_on_real_data(kind, load):
    X, y = load(return_X_y=True)
    names = np.array(["b", "a", "c"])[y]
    gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    for data in (X, gaps, X.astype(np.float32)):
        for most in (1, 3, None):
            agree(kind(max_depth=most, random_state=0).fit(data, names), X, gaps)


@each("kind", REGRESSORS)
def test_regressors_on_real_data(kind):
    X, y = load_diabetes(return_X_y=True)
    for most in (2, 5, None):
        agree(kind(max_depth=most, random_state=0).fit(X, y), X, X + 1e-9)


def test_trees_grown_by_their_best_leaf_keep_their_order():
    X, y = load_breast_cancer(return_X_y=True)
    agree(DecisionTreeClassifier(max_leaf_nodes=9, random_state=0).fit(X, y), X)


def test_a_split_of_what_is_missing_alone_survives():
    X = np.array([[1.0], [2.0], [3.0], [np.nan], [np.nan]])
    ours = agree(DecisionTreeClassifier().fit(X, [0, 0, 0, 1, 1]), X, [[1e30], [-1e30], [np.nan]])
    assert depth(ours.tree) == 1


def test_members_of_a_forest_are_converted():
    X, y = load_iris(return_X_y=True)
    for model in RandomForestClassifier(5, random_state=0).fit(X, y).estimators_:
        agree(model, X)


def test_leaves_that_are_refitted_to_the_same_rows_say_the_same():
    X, y = load_iris(return_X_y=True)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(y))
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y, weights)
    ours = fit_all([from_sklearn(model).tree], Samples.of(X, y, weights), 3)[0]
    assert np.allclose(ours.predict_proba(X), model.predict_proba(X), rtol=1e-12)
    assert np.array_equal(ours.predict(X), model.predict(X))


@each(
    ("model", "message"),
    [
        (DecisionTreeClassifier(), "not a fitted decision tree"),
        (LogisticRegression(), "LogisticRegression is not a fitted"),
        (DecisionTreeRegressor().fit([[0.0], [1.0]], [[0, 1], [1, 0]]), "several outputs"),
    ],
)
def test_what_can_not_be_converted_is_refused(model, message):
    with pytest.raises(EvollmError, match=message):
        from_sklearn(model)


def test_a_tree_too_deep_to_walk_is_refused(monkeypatch):
    monkeypatch.setattr(convert, "DEEPEST", 2)
    X, y = load_iris(return_X_y=True)
    assert from_sklearn(DecisionTreeClassifier(max_depth=2).fit(X, y))
    with pytest.raises(EvollmError, match="deeper than 2 can't"):
        from_sklearn(DecisionTreeClassifier(max_depth=3).fit(X, y))


def test_a_forest_starts_with_different_trees_within_the_depth():
    made = Forest(COLUMNS, samples(), 3).vary([], 25, 7)
    assert len(made.genomes) == 25
    assert len(set(made.genomes)) > 20
    assert max(depth(tree) for tree in made.genomes) == 3
    assert {s.feature for tree in made.genomes for s in splits(tree)} == {0, 1, 2}
    assert all(write(tree, COLUMNS) for tree in made.genomes)


def test_a_forest_asks_for_sets_where_columns_hold_categories():
    X, y = table(gaps=0)
    with_sets = Forest(COLUMNS, Samples.of(X, y), 4).vary([], 10, 1).genomes
    names = [column.name for column in COLUMNS.columns]
    plain = Columns.of(X, names, classes=COLUMNS.classes)
    as_numbers = Forest(plain, Samples.of(X, y), 4).vary([], 10, 1).genomes
    columns = Samples.of(X, y).X
    for one, other in zip(route(with_sets, columns), route(as_numbers, columns), strict=True):
        assert np.array_equal(one, other)
    asked = [s for tree in with_sets for s in splits(tree) if s.feature == 2]
    assert asked
    assert all(s.categories in ((0,), (0, 1)) and not s.missing_left for s in asked)


def asked(tree):
    return [(split.feature, split.threshold) for split in splits(tree)]


def predicted(tree, X):
    values = np.array([leaf.value for leaf in leaves(tree)])
    return values[route([tree], Samples.of(X, np.zeros(len(X))).X)[0]]


@each("weight", [None, "balanced"])
def test_a_forest_begins_with_the_cart_of_all_rows_whatever_its_seed(weight):
    X, y = load_breast_cancer(return_X_y=True)
    rows = Samples.of(X, y, np.random.default_rng(0).uniform(0.5, 2, len(y)))
    cart = DecisionTreeClassifier(max_depth=4, random_state=0, class_weight=weight)
    cart.fit(X, y, rows.weights)
    forest = Forest(Columns.of(X, classes=(0, 1)), rows, 4, balanced=weight is not None)
    for n, seed in ((1, 0), (6, 0), (6, 5)):
        made = forest.vary([], n, seed).genomes
        assert len(made) == n
        assert asked(made[0]) == asked(from_sklearn(cart).tree)
        assert np.array_equal(predicted(made[0], X), cart.predict(X))
    assert len(set(made)) == 6


def test_a_start_without_a_bound_on_depth_has_one_on_nodes(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 2)), rng.integers(0, 2, 400)
    forest = Forest(Columns.of(X, classes=(0, 1)), Samples.of(X, y), 64)
    cart = DecisionTreeClassifier(random_state=0).fit(X, y)
    assert asked(forest.vary([], 3, 0).genomes[0]) == asked(from_sklearn(cart).tree)
    monkeypatch.setattr(convert, "MOST_LEAVES", 16)
    assert [len(leaves(tree)) for tree in forest.vary([], 3, 0).genomes] == [16, 16, 16]


def test_a_forest_knows_classes_that_its_rows_lack():
    X, y = table()
    kept = y != 1
    made = Forest(COLUMNS, Samples.of(X[kept], y[kept]), 3).vary([], 10, 0).genomes
    assert {leaf.value for tree in made for leaf in leaves(tree)} == {0, 2}


def test_a_forest_beats_chance_and_regresses_too():
    X, y = table()
    rows = Samples.of(X, y)
    for model in fit_all(Forest(COLUMNS, rows, 3).vary([], 5, 0).genomes, rows, 3):
        assert (model.predict(X) == y).mean() > 0.5
    numbers = Columns.of(X, y=X[:, 0])
    target = np.nan_to_num(X[:, 0])
    rows = Samples.of(X, target)
    for model in fit_all(Forest(numbers, rows, 3).vary([], 5, 0).genomes, rows, 0):
        assert np.corrcoef(model.predict(X), target)[0, 1] > 0.9


def test_forests_refuse_nonsense():
    for more in ({"max_depth": 0}, {"max_depth": 65}, {"share": 0.0}, {"share": 1.5}):
        with pytest.raises(EvollmError, match="a forest needs"):
            Forest(COLUMNS, samples(), **more)


@each("check", checks(OperatorKit))
def test_conformance(check, tmp_path):
    check((Forest(COLUMNS, samples(), 3), []), tmp_path)
