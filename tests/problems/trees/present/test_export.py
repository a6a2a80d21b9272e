import json
import shutil
import subprocess
from math import inf, nextafter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_iris
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, export_text

from evollm import EvollmError
from operators.trees.columns import Column, Columns
from operators.trees.genome import Leaf, Split, leaves, size
from problems.trees.model.convert import from_sklearn
from problems.trees.model.routing import single
from problems.trees.present.export import (
    from_dict,
    from_json,
    to_dict,
    to_dot,
    to_json,
    to_python,
    to_rules,
    widened,
)
from tests.operators.trees.support_growth import COLUMNS, REGRESSION, trees
from tests.problems.trees.support_rows import arrive, tables

ANY = st.floats(allow_nan=False, allow_infinity=False)
SMALL = Split(0, 1.5, Leaf(0), Split(2, 0.0, Leaf(2), Leaf(1), (0, 2), True))


def test_rules_are_laid_out_as_scikit_learns():
    X, y = load_iris(return_X_y=True)
    names = ["sepal length (cm)", "sepal width", "petal length", "petal width"]
    for most in (1, 3, None):
        model = DecisionTreeClassifier(max_depth=most, random_state=0).fit(X, y)
        columns = Columns.of(X, names, classes=(0, 1, 2))
        tree = from_sklearn(model).tree
        assert to_rules(tree, columns) == export_text(model, feature_names=names)
        assert to_rules(tree, columns, 4, 2) == export_text(
            model, feature_names=names, decimals=4, spacing=2
        )


def test_rules_of_regression_are_laid_out_as_scikit_learns():
    X, y = load_diabetes(return_X_y=True)
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, y)
    columns = Columns.of(X, y=y)
    expected = export_text(model, feature_names=[f"x{i + 1}" for i in range(X.shape[1])])
    assert to_rules(from_sklearn(model).tree, columns) == expected


def test_rules_name_units_categories_and_what_is_missing():
    assert to_rules(SMALL, COLUMNS) == (
        "|--- glucose <= 1.50 mg/dl\n"
        "|   |--- class: no\n"
        "|--- glucose >  1.50 mg/dl\n"
        "|   |--- colour in {red, green} or missing\n"
        "|   |   |--- class: maybe so\n"
        "|   |--- colour not in {red, green}\n"
        "|   |   |--- class: yes\n"
    )


@given(st.data(), st.sampled_from([COLUMNS, REGRESSION]))
def test_json_and_dicts_come_back_in_full(data, columns):
    tree = data.draw(trees(columns, thresholds=ANY))
    assert from_dict(to_dict(tree, columns), columns) == tree
    assert from_json(to_json(tree, columns), columns) == tree
    assert json.loads(to_json(tree, columns, None)) == to_dict(tree, columns)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("null", "a tree is an object"),
        ('{"value": "perhaps"}', "no class 'perhaps'"),
        ('{"feature": "glucos"}', "a split holds"),
        (
            '{"feature": "glucos", "threshold": 1, "left": {}, "right": {}}',
            "did you mean 'glucose'",
        ),
        (
            '{"feature": "glucose", "threshold": NaN, "left": {"value": "no"}, "right": {}}',
            "not a finite number",
        ),
        ('{"feature": "glucose", "threshold": 1, "left": ' * 300 + "}" * 300, "not|a split"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(text, message):
    with pytest.raises(EvollmError, match=message) as refused:
        from_json(text, COLUMNS)
    assert "\n" not in str(refused.value)


def test_json_deeper_than_any_tree_is_refused():
    held = {"value": "no"}
    for _ in range(201):
        held = {"feature": "glucose", "threshold": 1, "left": held, "right": {"value": "no"}}
    with pytest.raises(EvollmError, match="deeper"):
        from_json(json.dumps(held), COLUMNS)


def called(tree, columns, **more):
    space = {}
    exec(to_python(tree, columns, **more), space)
    return space[more.get("name", "predict")]


def row_of(cells, columns):
    """Return a row as people have it: labels for codes."""
    return {
        column.name: column.categories[int(cell)] if column.categories and cell == cell else cell
        for column, cell in zip(columns.columns, cells.tolist(), strict=True)
    }


@given(st.data(), tables(), st.sampled_from([COLUMNS, REGRESSION]), st.booleans())
def test_a_python_function_says_what_the_tree_says(data, X, columns, exact):
    tree = data.draw(trees(columns))
    function = called(tree, columns, exact=exact)
    for cells in X if exact else np.round(X, 3):
        value = arrive(tree, cells).value
        expected = columns.classes[int(value)] if columns.classes else value
        assert function(row_of(cells, columns)) == expected


@given(st.data(), ANY, st.integers(-2, 2))
def test_an_exact_python_function_agrees_right_beside_its_threshold(data, threshold, steps):
    columns = Columns((Column("a"),), (0, 1))
    tree = Split(0, threshold, Leaf(0), Leaf(1), (), data.draw(st.booleans()))
    function = called(tree, columns, exact=True)
    edge = widened(threshold)
    for x in (threshold, edge, nextafter(edge, inf), nextafter(edge, -inf)):
        if abs(x) < 3.4e38:
            assert (
                function({"a": x}) == arrive(tree, [x]).value == int(single(x) > single(threshold))
            )


def test_a_python_function_is_plain_and_has_a_name():
    text = to_python(SMALL, COLUMNS, "classify")
    assert text.startswith("def classify(row):\n")
    assert "    if row['glucose'] <= 1.5:\n        return 'no'\n" in text
    assert "import" not in text
    for name in ("two words", "1st", "f(x): import os #"):
        with pytest.raises(EvollmError, match="name of a Python function"):
            to_python(SMALL, COLUMNS, name)


@pytest.mark.parametrize(
    ("classes", "categories"),
    [
        ((False, True), (1, 2)),
        (np.array([0.0, 1.0]), np.array([1.5, 2.0])),
        (np.array([3, 4]), np.array([False, True])),
        (np.array(["3", "4"]), ("1", "2")),
    ],
)
def test_every_export_says_labels_as_the_data_hold_them(classes, categories):
    columns = Columns((Column("zone", categories=categories),), classes)
    tree = Split(0, 0.0, Leaf(1), Leaf(0), (1,))
    function = called(tree, columns)
    for place, category in enumerate(categories):
        said = function({"zone": category})
        assert said == classes[place]
        assert type(said) in (bool, int, float, str)
    assert from_json(to_json(tree, columns), columns) == tree
    assert json.loads(to_json(tree, columns))["left"]["value"] == classes[1]
    assert f"zone in {{{categories[1]}}}" in to_rules(tree, columns)
    assert f"class: {classes[1]}" in to_rules(tree, columns)


def test_hostile_names_stay_names():
    columns = Columns((Column("a'] or exit() or row['a\n\"\\"),), ('x"\n', "y"))
    tree = Split(0, 0.5, Leaf(0), Leaf(1))
    assert called(tree, columns)({columns.columns[0].name: 0}) == 'x"\n'
    assert '\\"' in to_dot(tree, columns)
    assert from_json(to_json(tree, columns), columns) == tree


@given(trees(most=4))
def test_dot_has_a_node_a_node_and_an_edge_an_edge(tree):
    text = to_dot(tree, COLUMNS)
    assert text.count(" [label=") == 2 * size(tree) - 1
    assert text.count("->") == size(tree) - 1
    assert text.count('label="yes"]') >= len(leaves(tree)) - 1
    assert text.startswith("digraph Tree {\n")
    assert text.endswith("}\n")


def test_dot_of_a_small_tree():
    assert to_dot(SMALL, COLUMNS) == (
        "digraph Tree {\n"
        'node [shape=box, style="rounded", fontname="helvetica"] ;\n'
        '0 [label="glucose <= 1.50 mg/dl"] ;\n'
        '1 [label="no", style="rounded,filled"] ;\n'
        '0 -> 1 [label="yes"] ;\n'
        '2 [label="colour in {red, green} or missing"] ;\n'
        '0 -> 2 [label="no"] ;\n'
        '3 [label="maybe so", style="rounded,filled"] ;\n'
        '2 -> 3 [label="yes"] ;\n'
        '4 [label="yes", style="rounded,filled"] ;\n'
        '2 -> 4 [label="no"] ;\n'
        "}\n"
    )


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_takes_the_dot():
    done = subprocess.run(["dot", "-Tsvg"], input=to_dot(SMALL, COLUMNS), text=True, check=True)
    assert done.returncode == 0
