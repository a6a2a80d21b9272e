import json

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from evollm.llm.client.schemas import fault_of
from operators.trees.columns import Column, Columns
from operators.trees.genome import Leaf, Split, depth
from operators.trees.json import as_json, read_json, read_json_text, schema
from tests.operators.trees.support_growth import COLUMNS, REGRESSION, trees
from tests.support_each import each

SMALL = Split(0, 1.5, Leaf(0), Split(2, 0.0, Leaf(2), Leaf(1), (0, 2), True))
HELD = {
    "feature": "glucose",
    "threshold": 1.5,
    "left": {"value": "no"},
    "right": {
        "feature": "colour",
        "in": ["red", "green"],
        "missing": "left",
        "left": {"value": "maybe so"},
        "right": {"value": "yes"},
    },
}


def test_the_form():
    assert as_json(SMALL, COLUMNS) == HELD
    assert read_json(HELD, COLUMNS, 2).tree == SMALL
    assert as_json(Leaf(2.5), REGRESSION) == {"value": 2.5}


def test_labels_that_are_numbers_stay_numbers():
    columns = Columns((Column("a"),), (0, 1))
    assert as_json(Leaf(1), columns) == {"value": 1}
    assert read_json({"value": 1}, columns, 0).tree == Leaf(1)
    assert read_json({"value": "1"}, columns, 0).fault == "unknown value"
    assert read_json({"value": True}, columns, 0).fault == "unknown value"


@each("labels", [(1, 2, 5), (1.0, 2.5, 3.0), (False, True), ("1", "2")])
def test_categories_keep_their_values(labels):
    columns = Columns((Column("zone", categories=labels),), labels)
    tree = Split(0, 0.0, Leaf(0), Leaf(1), (0, 1))
    text = json.dumps(as_json(tree, columns))
    assert json.loads(text)["in"] == list(labels[:2])
    assert read_json(json.loads(text), columns, 1).tree == tree
    assert fault_of(text, schema(columns, 1)) is None
    wrong = 1 if labels == ("1", "2") else "1"
    changed = {**json.loads(text), "in": [wrong]}
    assert read_json(changed, columns, 1).fault in ("malformed", "unknown value")


@given(st.data(), st.sampled_from([COLUMNS, REGRESSION]))
def test_trees_come_back_by_way_of_text_in_full(data, columns):
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    tree = data.draw(trees(columns, thresholds=numbers))
    text = json.dumps(as_json(tree, columns))
    assert read_json(json.loads(text), columns, 4).tree == tree


def changed(**parts):
    return {key: value for key, value in {**HELD, **parts}.items() if value is not None}


@each(
    ("value", "fault"),
    [
        (None, "malformed"),
        ([], "malformed"),
        ({}, "malformed"),
        ({"value": "no", "left": {"value": "no"}}, "malformed"),
        ({"value": "nope"}, "unknown value"),
        ({"value": ["no"]}, "unknown value"),
        (changed(right=None), "malformed"),
        (changed(threshold=None), "malformed"),
        (changed(threshold="1.5"), "malformed"),
        (changed(threshold=True), "malformed"),
        (changed(threshold=float("nan")), "not finite"),
        (changed(threshold=10**400), "not finite"),
        (changed(feature="glucos"), "unknown feature"),
        (changed(feature=["glucose"]), "unknown feature"),
        (changed(feature="colour"), "malformed"),
        (changed(surprise=1), "malformed"),
        (changed(missing="up"), "malformed"),
        ({**HELD["right"], "in": []}, "malformed"),
        ({**HELD["right"], "in": [1]}, "malformed"),
        ({**HELD["right"], "in": ["pink"]}, "unknown value"),
        (changed(left=HELD), "too deep"),
    ],
)
def test_faults_are_named(value, fault):
    found = read_json(value, COLUMNS, 2)
    assert (found.tree, found.fault) == (None, fault)
    assert found.detail


@given(trees(most=3), st.integers(0, 3))
def test_brackets_that_are_missing_at_the_end_are_added_and_said(tree, missing):
    text = json.dumps(as_json(tree, COLUMNS))
    most = len(text) - len(text.rstrip("}"))
    kept = text[: len(text) - min(missing, most)]
    found = read_json_text(kept, COLUMNS, 3)
    assert found.tree == tree
    assert found.repaired == (kept != text)


def test_a_tree_in_a_fenced_block_is_read():
    text = f"Here it is:\n```json\n{json.dumps(HELD)}\n```\nIt asks for {{glucose}}."
    assert read_json_text(text, COLUMNS, 2).tree == SMALL
    assert not read_json_text(text, COLUMNS, 2).repaired


@each("text", ["", "no", '{"value": "no', '{"value": NaN}', '{"value":', "{" * 9999, "]", '{"a"}}'])
def test_text_that_is_no_json_is_malformed(text):
    assert read_json_text(text, COLUMNS, 2).fault == "malformed"


@given(st.text('{}[]":,valuefeaturethreshold 1', max_size=40))
def test_any_text_is_read_or_refused(text):
    found = read_json_text(text, REGRESSION, 2)
    assert (found.tree is None) == bool(found.fault)


@given(trees(most=3, gaps=False))
def test_the_schema_takes_what_is_a_tree_of_the_depth(tree):
    held = schema(COLUMNS, 3)
    assert (fault_of(json.dumps(as_json(tree, COLUMNS)), held) is None) == (depth(tree) > 0)
    shorter = schema(COLUMNS, 2)
    fits = 0 < depth(tree) <= 2
    assert (fault_of(json.dumps(as_json(tree, COLUMNS)), shorter) is None) == fits


@each("columns", [COLUMNS, REGRESSION, Columns((Column("a"),), (0, 1))])
def test_the_schema_is_a_schema_without_recursion(columns):
    held = schema(columns, 4)
    jsonschema.Draft202012Validator.check_schema(held)
    for name, part in held["$defs"].items():
        level = int(name.removeprefix("depth"))
        lower = {f'"#/$defs/depth{i}"' for i in range(level)}
        used = {f'"{piece}"' for piece in json.dumps(part).split('"') if piece.startswith("#/$")}
        assert used <= lower


@each(
    "value",
    [
        {"feature": "pink", "threshold": 1, "left": {"value": "no"}, "right": {"value": "no"}},
        {"feature": "glucose", "threshold": 1, "left": {"value": "no"}},
        {"feature": "glucose", "in": ["red"], "left": {"value": "no"}, "right": {"value": "no"}},
        {"feature": "glucose", "threshold": 1, "left": {"value": 0}, "right": {"value": "no"}},
        {**HELD, "more": 1},
    ],
)
def test_the_schema_refuses_nonsense(value):
    assert fault_of(json.dumps(value), schema(COLUMNS, 3)) is not None
