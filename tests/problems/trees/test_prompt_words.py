"""Words: what a model is told of columns, for made-up tables and for a real one."""

import numpy as np

from operators.trees.columns import Column, Columns
from problems.trees.data.dataset import Feature, Table
from problems.trees.data.tables import load, names
from problems.trees.prompt_words import columns_of, context, described, numbered
from tests.operators.trees.support_growth import COLUMNS, REGRESSION
from tests.support_each import each

TABLE = Table(
    "shop",
    "classification",
    np.array([[18, 0, 1, 1.5], [80, 2, 0, np.nan], [30, 1, 1, 0.123456], [99, 0, 0, 9]]),
    np.array([0, 1, 1, 0]),
    (
        Feature("age", "how old", "years"),
        Feature("town", kind="category", categories=("Bonn", "Bad Ems", "Köln")),
        Feature("member", "whether in the club", kind="flag", categories=("no", "yes")),
        Feature("income"),
    ),
    "buys",
    ("no", "yes"),
)


def test_the_context_holds_task_columns_and_classes():
    columns = columns_of(TABLE, [0, 1, 2])
    assert context(columns, "Tell who buys.", described(TABLE)).text() == (
        "Tell who buys.\n"
        "age: how old, years, 18 to 80\n"
        "town: one of Bonn Bad_Ems Köln\n"
        "member: whether in the club, 0 = no, 1 = yes, 0 to 1\n"
        "income: 0.1235 to 1.5\n"
        "classes: 0 = no, 1 = yes"
    )


def test_only_what_is_known_is_said():
    columns = Columns((Column("a"), Column("b", unit="km"), Column("c", low=0.0, high=0.5)))
    assert context(columns).text() == "a\nb: km\nc: 0 to 0.5"
    assert context(REGRESSION).text().split("\n") == [
        "glucose: mg/dl, -4 to 4",
        "body_mass_kg_m2: -4 to 4",
        "colour: one of red dark_blue green",
    ]
    assert context(COLUMNS).text().endswith("\nclasses: 0 = no, 1 = yes, 2 = maybe so")


def test_names_with_signs_are_told_as_trees_spell_them():
    columns = Columns((Column("body mass (kg/m2)", low=1.0, high=2.0),))
    assert (
        context(columns, "", {"body mass (kg/m2)": "weight"}).text()
        == "body_mass_kg_m2: weight, 1 to 2"
    )


def test_rows_that_a_search_may_not_see_are_not_told():
    assert "18 to 80" in context(columns_of(TABLE, [0, 1])).text()
    assert "18 to 99" in context(columns_of(TABLE)).text()


def test_numbered_classes_keep_trees_short():
    columns = numbered(COLUMNS)
    assert columns.classes == (0, 1, 2)
    assert columns.columns == COLUMNS.columns
    assert numbered(REGRESSION).classes == ()


@each("name", names())
def test_every_data_set_has_a_line_a_column_and_its_classes(name):
    table = load(name)
    columns = columns_of(table)
    lines = context(columns, table.context, described(table)).text().split("\n")
    assert lines[0] == table.context
    told = lines[1 : 1 + len(table.features)]
    assert [line.partition(":")[0] for line in told] == list(columns.tokens)
    for line, feature in zip(told, table.features, strict=True):
        assert feature.description in line
        assert feature.unit in line
        assert (" to " in line) or ("one of " in line)
    assert len(lines) == 1 + len(told) + bool(table.classes)


def test_pima_is_told_in_full():
    table = load("pima")
    lines = context(columns_of(table), "", described(table)).text().split("\n")
    assert lines[1] == (
        "glucose: plasma glucose two hours into an oral glucose tolerance test, mg/dl, 0 to 199"
    )
    assert lines[-1] == "classes: 0 = no diabetes, 1 = diabetes"
