"""Tables hold a line for each method on each problem, and what its seeds came to."""

import pytest

from evollm.report.cells import Row
from evollm.report.tables import RUNS, Column, mean, median, spread, table

ROWS = [
    Row({"problem": problem, "method": method, "seed": seed}, {"value": value, **more})
    for problem, method, seed, value, more in [
        ("p", "a", 0, 1.0, {"calls": 10}),
        ("p", "a", 1, 3.0, {"calls": 30}),
        ("p", "b", 0, 2.0, {}),
        ("q", "a", 0, 4.0, {"calls": None}),
    ]
]
COLUMNS = [
    Column("value", "value", form=".1f"),
    Column("sd", "value", spread, ".2f"),
    Column("twice", lambda row: 2 * row.found["value"], max, ".0f"),
    RUNS,
    Column("calls", "calls", form=".0f"),
]


def test_a_line_holds_what_the_seeds_of_a_method_came_to() -> None:
    assert table(ROWS, ("problem", "method"), COLUMNS, {"method": {"a": "ours"}}) == (
        "| problem | method | value |   sd | twice | runs | calls |\n"
        "| ------- | ------ | ----: | ---: | ----: | ---: | ----: |\n"
        "| p       | ours   |   2.0 | 1.41 |     6 |    2 |    20 |\n"
        "|         | b      |   2.0 | 0.00 |     4 |    1 |     - |\n"
        "| q       | ours   |   4.0 | 0.00 |     8 |    1 |     - |"
    )


def test_a_label_stands_again_where_the_one_to_its_left_changes() -> None:
    rows = [Row({"a": a, "b": "x", "c": c}, {"value": 1}) for a in (1, 2) for c in (1, 2)]
    lines = table(rows, ("a", "b", "c"), COLUMNS[:1]).splitlines()[2:]
    labels = [[part.strip() for part in line.split("|")[1:4]] for line in lines]
    assert labels == [["1", "x", "1"], ["", "", "2"], ["2", "x", "1"], ["", "", "2"]]


def test_statistics() -> None:
    assert mean([1, 2, 6]) == 3
    assert median([1, 2, 6]) == 2
    assert spread([1, 3]) == pytest.approx(2**0.5)
    assert spread([5]) == 0
