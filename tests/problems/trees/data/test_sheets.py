"""CSV files as people have them: what is read, what is said of it, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm.errors import EvollmError
from problems.trees.data.tables import Table, from_csv
from tests.support_each import each

ROWS = [("31", "blue", "yes"), ("44", "brown", "no"), ("", "blue", "yes"), ("28", "", "no")]


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "rows.csv").write_bytes(text.encode(encoding))
    return folder / "rows.csv"


def read(folder: Path, text: str, **more: Any) -> Table:
    return from_csv(write(folder, text), "Sick", **more)


@each(
    ("separator", "word"),
    [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "bars")],
)
def test_the_separator_is_found(tmp_path: Path, separator: str, word: str) -> None:
    lines = [separator.join(row) for row in [("Age", "Eyes", "Sick"), *ROWS]]
    text = "\n".join(lines) + "\n"
    found = read(tmp_path, text)
    assert found.reading == (f"cells separated by {word}",)
    np.testing.assert_equal(found.X, [[31, 0], [44, 1], [np.nan, 0], [28, np.nan]])
    assert read(tmp_path, text, separator="tab" if separator == "\t" else separator).X.shape == (
        4,
        2,
    )
    with pytest.raises(EvollmError, match=r"only one column.*the separator|no column 'Sick'"):
        read(tmp_path, text, separator="~")


def test_separators_in_quotes_and_a_byte_order_mark_are_no_part_of_cells(tmp_path: Path) -> None:
    text = '\ufeff"Age","Eyes, colour",Sick\r\n1,"blue, pale",no\r\n\r\n2, "say ""green""",yes\r\n'
    found = read(tmp_path, text)
    assert [f.description for f in found.features] == ["Age", "Eyes, colour"]
    assert found.features[1].categories == ("blue, pale", 'say "green"')


@each("mark", ["?", "NA", "n/a", "NaN", "null", "-", "None"])
def test_marks_among_numbers_are_missing_and_said(tmp_path: Path, mark: str) -> None:
    found = read(tmp_path, f"Age,Sick\n31,yes\n{mark},no\n44,yes\n,no\n")
    assert found.features[0].kind == "number"
    np.testing.assert_equal(found.X[:, 0], [31, np.nan, 44, np.nan])
    assert f"Age: {mark!r} was treated as missing in 1 rows" in found.reading
    assert "age                      number     31 to 44; 2 missing" in found.summary()


def test_a_dash_is_missing_only_among_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, "Test,Sick\n+,yes\n-,no\n?,yes\n")
    assert found.features[0].categories == ("+", "-")
    assert np.isnan(found.X[2, 0])


def test_own_marks_take_the_place_of_the_usual(tmp_path: Path) -> None:
    text = "Age,Country,Sick\n31,NA,yes\n-9,DE,no\n44,unknown,yes\n"
    found = read(tmp_path, text, missing=["-9", "unknown"])
    np.testing.assert_equal(found.X, [[31, 1], [np.nan, 0], [44, np.nan]])
    assert found.features[1].categories == ("DE", "NA")
    assert read(tmp_path, text, missing=[]).X[1, 0] == -9


def test_numbers_may_be_names_and_must_be_numbers_where_said(tmp_path: Path) -> None:
    text = "Zip,Age,Sick\n01234,3,yes\n00042,4,no\n01234,x,no\n"
    found = read(tmp_path, text, categorical=["Zip"])
    assert found.features[0].categories == ("00042", "01234")
    with pytest.raises(
        EvollmError, match=r"column 'Age' contains 'x', which is not a number.*missin"
    ):
        read(tmp_path, text, numeric=["Age"])
    assert np.isnan(read(tmp_path, text, numeric=["Age"], missing=["x"]).X[2, 1])
    targets = from_csv(write(tmp_path, text), "Zip", categorical=["Zip"])
    assert targets.classes == ("00042", "01234")


@each("name", ["", "Unnamed: 0"])
def test_an_index_without_a_name_is_left_out_and_said(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, f"{name},Age,Sick,\n0,31,yes,\n7,44,no,\n3,20,no,\n")
    assert [f.name for f in found.features] == ["age"]
    assert "the first column has no name, and was omitted as an index" in found.reading
    assert "column 4 has neither a name nor cells, and was omitted" in found.reading


def test_decimal_commas_are_read_where_they_can_be_nothing_else(tmp_path: Path) -> None:
    found = read(tmp_path, "Price;Sick\n1,5;yes\n-2,25;no\n3;no\n?;yes\n")
    np.testing.assert_equal(found.X[:, 0], [1.5, -2.25, 3, np.nan])
    assert "Price: '1,5' was read as 1.5" in found.reading
    for text in ('Price,Sick\n"1,5",yes\n2,no\n', "Price;Sick\n1,500;yes\n2,250;no\n"):
        with pytest.raises(EvollmError, match="'Price' contains numbers with commas, such as '1,5"):
            read(tmp_path, text)


@each(
    ("text", "message"),
    [
        ("", "has no content"),
        ("\n\n", "has no content"),
        ("Age,Sick\n", "has a header but no rows"),
        ("Sick\n1\n2\n", "has only one column, Sick"),
        (",Sick\n0,1\n1,2\n", "has only one column, Sick"),
        ("Age Sick\n1 yes\n2 no\n", r"only one column, Age Sick.*the separator"),
        ("Age,Sick\n1,yes\n1,2,no\n", "line 3 of .* has 3 cells and the header 2"),
        ("Age;Sick\n1;yes\n1\n", "line 3 of .* has 1 cells and the header 2"),
        ("Age,Sick,Age\n1,yes,2\n", "has 2 columns called 'Age': rename one"),
        ("Age,,Sick\n1,3,yes\n2,4,no\n", "column 2 of .* has no name: name it in the header"),
        (",Age,Sick\na,3,yes\na,4,no\n", "column 1 of .* has no name"),
        ("a;b,Sick\n1;2,yes\n3;4,no\n", "separated by commas and by semicolons: choose"),
        ('Age,Sick\n"1,yes\n', "is not CSV: unexpected end of data"),
        ("Age,Sick\n" + "".join(f"{i},{i % 2}\n" for i in range(11)) + "old,1\n", "as 'old'.*ca"),
        ("Age,Sick\n1\x00,yes\n2,no\n", "bytes that are not text"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(EvollmError, match=message) as refused:
        read(tmp_path, text)
    assert "\n" not in str(refused.value)


@each("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_named_with_its_line(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "Age,Sick\n1,ja\n2,nein, über\n", encoding)
    with pytest.raises(EvollmError, match=r"line \d of .*rows.csv is not UTF-8: save the file"):
        from_csv(path, "Sick")


@each(
    ("more", "message"),
    [
        ({"missing": "NA"}, "missing must be a list of strings"),
        ({"categorical": ["Aeg"]}, "no column 'Aeg'; did you mean 'Age'"),
        ({"numeric": ["Age"], "categorical": ["Age"]}, "categorical and numeric: choose one"),
        ({"separator": '"'}, "separator must be one character, or tab"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(EvollmError, match=message):
        read(tmp_path, "Age,Sick\n1,yes\n2,no\n", **more)
