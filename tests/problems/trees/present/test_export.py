import json
import re
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
from operators.trees.genome import Leaf, Split, leaves, settled, size
from problems.trees.data.categories import Coder
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
from tests.support_each import each

ANY = st.floats(allow_nan=False, allow_infinity=False)
SMALL = Split(0, 1.5, Leaf(0), Split(2, 0.0, Leaf(2), Leaf(1), (0, 2), True))


def test_rules_are_laid_out_as_scikit_learns():
    X, y = load_iris(return_X_y=True)
    names = ["sepal length (cm)", "sepal width", "petal length", "petal width"]
    for most in (1, 3, None):
        model = DecisionTreeClassifier(max_depth=most, random_state=0).fit(X, y)
        columns = Columns.of(X, names, classes=(0, 1, 2))
        tree = settled(from_sklearn(model).tree, ())
        assert to_rules(tree, columns, 2) == export_text(model, feature_names=names)
        assert to_rules(tree, columns, 4, 2) == export_text(
            model, feature_names=names, decimals=4, spacing=2
        )


def test_rules_of_regression_are_laid_out_as_scikit_learns():
    X, y = load_diabetes(return_X_y=True)
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, y)
    columns = Columns.of(X, y=y)
    expected = export_text(model, feature_names=[f"x{i + 1}" for i in range(X.shape[1])])
    assert to_rules(settled(from_sklearn(model).tree, ()), columns, 2) == expected


def test_rules_name_units_categories_and_what_is_missing():
    assert to_rules(SMALL, COLUMNS) == (
        "|--- glucose <= 1.5 mg/dl\n"
        "|   |--- class: no\n"
        "|--- glucose >  1.5 mg/dl\n"
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


@each(
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


@each(
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
        '0 [label="glucose <= 1.5 mg/dl"] ;\n'
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


def parsed(lines, columns):
    """Read rules back: the tree that they describe, and the lines after it."""
    depth, said = lines[0].rsplit("|--- ", 1)[0].count("|"), lines[0].rsplit("|--- ", 1)[1]
    kind, _, told = said.partition(": ")
    if kind == "class":
        return Leaf([str(label) for label in columns.classes].index(told)), lines[1:]
    if kind == "value":
        return Leaf(float(told.strip("[]"))), lines[1:]
    left, rest = parsed(lines[1:], columns)
    assert rest[0].count("|") - 1 == depth, "the opposite stands at the same level"
    right, rest = parsed(rest[1:], columns)
    feature = next(i for i, c in enumerate(columns.columns) if said.startswith(c.name))
    column = columns.columns[feature]
    asked = said.removeprefix(column.name).removesuffix(" or missing")
    missing = said.endswith(" or missing")
    if column.categories:
        labels = asked.removeprefix(" in {").removesuffix("}").split(", ")
        codes = tuple(column.categories.index(label) for label in labels)
        return Split(feature, 0.0, left, right, codes, missing), rest
    return Split(feature, float(asked.split()[1]), left, right, (), missing), rest


@given(st.data(), tables(), st.sampled_from([COLUMNS, REGRESSION]))
def test_rules_read_back_route_every_row_as_the_tree_does(data, X, columns):
    tree = data.draw(trees(columns, thresholds=st.floats(-5, 5)))
    again, rest = parsed(to_rules(tree, columns).splitlines(), columns)
    assert not rest
    for cells in X:
        assert arrive(again, cells) == arrive(tree, cells)


@given(ANY)
def test_a_threshold_in_a_rule_is_the_same_in_single_precision(threshold):
    text = to_rules(Split(0, threshold, Leaf(0), Leaf(1)), Columns((Column("a"),), (0, 1)))
    said = text.splitlines()[0].removeprefix("|--- a <= ")
    assert single(float(said)) == single(threshold)
    assert len(said) <= len(repr(threshold)) + 2


def test_rules_tell_near_thresholds_apart_and_no_digit_too_many():
    near = Split(0, 1.0005, Leaf(0.00125), Split(0, 1.0006, Leaf(0.00126), Leaf(0.1)))
    assert to_rules(near, REGRESSION).splitlines()[:3] == [
        "|--- glucose <= 1.0005 mg/dl",
        "|   |--- value: [0.00125]",
        "|--- glucose >  1.0005 mg/dl",
    ]
    assert "<= 2.45 " in to_rules(Split(0, 2.449999988079071, Leaf(0), Leaf(1)), COLUMNS)


def test_exports_show_what_is_missing_wherever_it_goes_left():
    tree = Split(0, 1.0, Leaf(0), Leaf(1), (), True)
    assert not COLUMNS.columns[0].gaps
    assert "glucose <= 1 mg/dl or missing\n" in to_rules(tree, COLUMNS)
    assert "or missing" in to_dot(tree, COLUMNS)
    right = Split(2, 0.0, Leaf(0), Leaf(1), (0,))
    assert "|--- colour not in {red} or missing\n" in to_rules(right, COLUMNS)


UNKNOWN = st.sampled_from(["purple", "", "Red", None, float("nan"), "NA"])


@given(st.data(), st.sampled_from([COLUMNS, REGRESSION]), st.booleans())
def test_a_python_function_takes_unknown_categories_and_every_mark_for_missing(
    data, columns, exact
):
    pandas = pytest.importorskip("pandas")
    tree = data.draw(trees(columns))
    marks = st.sampled_from([None, float("nan"), pandas.NA])
    known = st.sampled_from(columns.columns[2].categories)
    row = {
        "glucose": data.draw(st.one_of(marks, st.integers(-4, 4))),
        "body mass (kg/m2)": data.draw(st.one_of(marks, st.integers(-4, 4))),
        "colour": data.draw(st.one_of(UNKNOWN, st.just(pandas.NA), known)),
    }
    coder = Coder({2: columns.columns[2].categories})
    frame = pandas.DataFrame(
        {name: pandas.Series([cell], dtype=object) for name, cell in row.items()}
    )
    frame = frame.astype({"glucose": "Float64", "body mass (kg/m2)": "Float64"})
    cells = coder.coded(frame.astype(object).where(frame.notna(), np.nan)).to_numpy(np.float64)
    value = arrive(tree, cells[0]).value
    expected = columns.classes[int(value)] if columns.classes else value
    assert called(tree, columns, exact=exact)(row) == expected


HOSTILE = ["a\nb", 'a"b', "a'b", "a\\nb", "1st", "class", "a\tb\r\u2028", "|--- x", "{a, b}", "a]"]


@each("name", HOSTILE)
def test_names_of_all_kinds_break_no_export(name):
    labels = (name, "plain")
    columns = Columns((Column(name, unit=name), Column(f"{name} 2", categories=labels)), labels)
    tree = Split(0, 0.5, Leaf(0), Split(1, 0.0, Leaf(0), Leaf(1), (0,)))
    assert len(to_rules(tree, columns).splitlines()) == 7
    body = to_dot(tree, columns)
    assert len(body.splitlines()) == 2 + size(tree) + size(tree) - 1 + 1
    for line in body.splitlines():
        assert len(re.findall(r'(?<!\\)(?:\\\\)*"', line)) % 2 == 0
    function = called(tree, columns)
    assert function({name: 1, f"{name} 2": name}) == name
    assert function({name: 1, f"{name} 2": "other"}) == "plain"
    assert from_json(to_json(tree, columns), columns) == tree
