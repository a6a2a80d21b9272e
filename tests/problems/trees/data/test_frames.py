"""Tables of the user's own rows, and the words in which bad ones are refused."""

from collections import UserDict
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from evollm.errors import EvollmError
from problems.trees.data.tables import Table, from_csv, from_frame, load, split
from tests.support_each import each

CSV = """Age (years),Smoker,Eye colour,Sick
31,True,blue,yes
44,False,brown,no
,True,green,yes
28,False,,no
61,True,brown,no
"""


class UserFrame(UserDict[str, object]):
    """A frame of another library: it has columns, and nothing of pandas."""

    columns = ("a",)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    (tmp_path / "people.csv").write_text(CSV)
    return from_csv(tmp_path / "people.csv", "Sick")


def write(folder: Path, text: str) -> Path:
    (folder / "rows.csv").write_text(text)
    return folder / "rows.csv"


def test_columns_are_read_by_what_they_hold(table: Table) -> None:
    assert (table.name, table.task, table.target, table.classes) == (
        "people",
        "classification",
        "sick",
        ("no", "yes"),
    )
    assert table.y.tolist() == [1, 0, 1, 0, 0]
    assert [(f.name, f.description, f.kind, f.categories) for f in table.features] == [
        ("age_years", "Age (years)", "number", ()),
        ("smoker", "Smoker", "flag", ("no", "yes")),
        ("eye_colour", "Eye colour", "category", ("blue", "brown", "green")),
    ]
    np.testing.assert_equal(
        table.X,
        [[31, 1, 0], [44, 0, 1], [np.nan, 1, 2], [28, 0, np.nan], [61, 1, 1]],
    )


def test_a_set_comes_back_from_its_own_csv(tmp_path: Path) -> None:
    for name in ("pima", "german", "wages"):
        known = load(name)
        known.frame().to_csv(tmp_path / f"{name}.csv", index=False)
        found = from_csv(tmp_path / f"{name}.csv", known.target, known.task)
        assert found.name == name
        assert found.task == known.task
        again = found.frame()[known.frame().columns]
        for column in again.columns:
            assert again[column].astype(str).tolist() == known.frame()[column].astype(str).tolist()
        assert split(found, 0).train.shape == split(known, 0).train.shape


@each(
    ("y", "task", "classes"),
    [
        ([0, 1, 0, 1], "classification", (0, 1)),
        ([2.0, 1.0, 3.0, 1.0], "classification", (1, 2, 3)),
        ([0.5, 1.0, 2.0, 3.0], "regression", ()),
        (["b", "a", "b", "c"], "classification", ("a", "b", "c")),
        ([True, False, True, True], "classification", (False, True)),
    ],
)
def test_the_task_is_told_from_the_targets(y: list[object], task: str, classes: object) -> None:
    table = from_frame(np.eye(4), y)
    assert (table.task, table.classes) == (task, classes)
    assert [f.name for f in table.features] == ["x1", "x2", "x3", "x4"]


def test_many_whole_numbers_are_a_regression_unless_told() -> None:
    y = np.arange(12)
    assert from_frame(np.eye(12), y).task == "regression"
    assert from_frame(np.eye(12), y, "classification").classes == tuple(range(12))
    assert from_frame(np.eye(4), [1, 2, 1, 2], "regression").y.tolist() == [1.0, 2.0, 1.0, 2.0]


def test_frames_of_pandas_own_types_are_read() -> None:
    frame = pandas.DataFrame(
        {
            "count": pandas.array([1, None, 3], "Int64"),
            "sure": pandas.array([True, None, False], "boolean"),
            "word": pandas.array(["b", None, "a"], "string"),
            "kind": pandas.Categorical(["u", "v", "u"]),
        }
    )
    table = from_frame(frame, pandas.Series([1.5, 2.5, 3.5]))
    np.testing.assert_equal(table.X, [[1, 1, 1, 0], [np.nan, np.nan, np.nan, 1], [3, 0, 0, 0]])
    assert [f.kind for f in table.features] == ["number", "flag", "category", "category"]


def test_rows_of_plain_lists_are_read() -> None:
    table = from_frame([[1, "a"], [None, "b"]], ["x", "y"], features=["one", "two"], context="C.")
    np.testing.assert_equal(table.X, [[1, 0], [np.nan, 1]])
    assert table.context == "C."


def test_names_become_identifiers_of_their_own() -> None:
    frame = pandas.DataFrame(np.eye(5), columns=["A b", "a-b", "1st", "target", "§"])
    table = from_frame(frame, [0, 1, 0, 1, 0])
    assert [f.name for f in table.features] == ["a_b", "a_b_2", "x_1st", "target_2", "column"]
    assert table.target == "target"


@each(
    ("text", "message"),
    [
        ("a,Sik\n1,2\n", "no column 'Sick'; did you mean 'Sik'"),
        ("a,b\n1,2\n", "no column 'Sick': choose from a, b"),
        ("a,Sick\n", "has a header but no rows"),
        ("a,Sick\n1,yes\n2,yes\n", "'Sick' has only one value"),
        ("a,Sick\n1,yes\n2,\n3,no\n", "'Sick' is missing in 1 rows"),
        ("a,Sick\n,yes\n,no\n", "column 'a' is empty"),
        ("a,Sick\ninf,yes\n2,no\n", "column 'a' has infinite cells"),
        ("a,Sick\n" + "".join(f"w{i},{i % 2}\n" for i in range(51)), "has 51 different texts"),
        ("a,Sick\n" + "".join(f"1,w{i}\n" for i in range(51)), "has 51 classes"),
    ],
)
def test_a_bad_file_is_refused_with_the_mend(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EvollmError, match=message):
        from_csv(write(tmp_path, text), "Sick")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvollmError, match=r"none\.csv can't be read: No such file"):
        from_csv(tmp_path / "none.csv", "a")
    with pytest.raises(EvollmError, match="can't be read: Is a directory"):
        from_csv(tmp_path, "a")


def test_bad_arrays_are_refused_with_the_mend() -> None:
    with pytest.raises(EvollmError, match="must be rows by columns"):
        from_frame(np.zeros(3), [0, 1, 0])
    with pytest.raises(EvollmError, match="the same number of cells"):
        from_frame([1, 2], [0, 1])
    with pytest.raises(EvollmError, match="2 columns, 1 names"):
        from_frame(np.eye(2), [0, 1], features=["a"])
    with pytest.raises(EvollmError, match="one target per row"):
        from_frame(np.eye(2), [0, 1, 0])
    with pytest.raises(EvollmError, match="must be numbers for a regression"):
        from_frame(np.eye(2), ["a", "b"], "regression")
    with pytest.raises(
        EvollmError,
        match=r"test_frames frame is not supported: give X.to_pandas\(\)",
    ):
        from_frame(UserFrame(), [0, 1])
    for y in ("Sick", 3, np.zeros((2, 1)), pandas.DataFrame({"y": [0, 1]})):
        with pytest.raises(EvollmError, match="y must contain one target per row"):
            from_frame(np.eye(2), y)


@each(
    ("cells", "message"),
    [
        (
            pandas.to_datetime(["2020-01-01", "2020-01-02"]),
            "contains a Timestamp: convert its cells",
        ),
        (pandas.to_timedelta([1, 2], unit="D"), "contains a Timedelta: convert its cells"),
        ([1j, 2.0], "contains a complex: convert its cells"),
        ([np.zeros(2), np.ones(2)], "contains a ndarray: convert its cells"),
        ([[1], [2]], "contains a list: convert its cells"),
        ([1, "1"], "categories of 'a' must have different names, not 1, '1'"),
    ],
)
def test_cells_that_are_neither_numbers_nor_texts_are_named(cells: Any, message: str) -> None:
    frame = pandas.DataFrame({"a": pandas.Series(cells)})
    with pytest.raises(EvollmError, match=message):
        from_frame(frame, [0, 1])
    with pytest.raises(EvollmError, match="the target 'target' contains"):
        from_frame(np.eye(2), list(cells))


def test_a_category_stays_one_whatever_it_holds() -> None:
    kind = pandas.CategoricalDtype([3, 1, 2, 9], ordered=True)
    frame = pandas.DataFrame({"zone": pandas.Series([1, None, 3, 2], dtype=kind)})
    table = from_frame(frame, pandas.Categorical([20, 30, 20, 30]))
    assert (table.features[0].kind, table.features[0].categories) == ("category", (3, 1, 2))
    assert table.features[0].ordered
    np.testing.assert_equal(table.X[:, 0], [1, np.nan, 0, 2])
    assert (table.task, table.classes) == ("classification", (20, 30))


def test_mixed_marks_of_what_is_missing_are_all_seen() -> None:
    cells = pandas.Series([1, None, np.nan, pandas.NA, pandas.NaT, 2.5], dtype=object)
    table = from_frame(pandas.DataFrame({"a": cells}), [0, 1, 0, 1, 0, 1])
    np.testing.assert_equal(table.X[:, 0], [1, np.nan, np.nan, np.nan, np.nan, 2.5])


def test_a_table_says_what_it_holds(table: Table) -> None:
    assert table.summary().splitlines() == [
        "people: 5 rows, 4 columns",
        "  cells separated by commas",
        "  age_years                number     28 to 61; 1 missing",
        "  smoker                   flag       no, yes",
        "  eye_colour               category   blue, brown, green; 1 missing",
        "  sick                     target     classification: no (3), yes (2)",
    ]
    assert from_frame(np.eye(12), np.arange(12)).summary().endswith("regression: 0 to 11")
