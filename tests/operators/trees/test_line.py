import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import EvollmError
from operators.trees.columns import Column, Columns
from operators.trees.genome import Leaf, Split, depth, size, walk
from operators.trees.line import number, question, write, write_around
from operators.trees.reading import read
from tests.operators.trees.support_growth import COLUMNS, REGRESSION, trees
from tests.support_each import each

PIMA = Columns((Column("glucose"), Column("bmi")), (0, 1))
TEXT = "(glucose<127.5 (bmi<29.9 0 1) 1)"
TREE = Split(0, 127.5, Split(1, 29.9, Leaf(0), Leaf(1)), Leaf(1))


def test_the_form_of_a_line():
    assert write(TREE, PIMA) == TEXT
    assert read(TEXT, PIMA, 2).tree == TREE
    assert write(Split(2, 0.0, Leaf(0), Leaf(2), (0, 1), True), COLUMNS) == (
        "(colour in{red,dark_blue}? no maybe_so)"
    )


@given(st.data(), st.sampled_from([COLUMNS, REGRESSION]))
def test_lines_are_read_back_as_they_were(data, columns):
    tree = data.draw(trees(columns))
    again = read(write(tree, columns), columns, 4)
    assert again.tree == tree
    assert (again.fault, again.repaired, again.outside) == ("", False, 0)


@given(trees(thresholds=st.floats(allow_nan=False, allow_infinity=False)))
def test_what_was_rounded_once_stays(tree):
    line = write(tree, COLUMNS)
    again = read(line, COLUMNS, 4).tree
    assert again is not None
    assert write(again, COLUMNS) == line


@given(trees(), st.data())
def test_a_line_is_what_lies_before_within_and_after_any_subtree(tree, data):
    place = data.draw(st.integers(0, size(tree) - 1))
    before, after = write_around(tree, place, COLUMNS)
    inner = [node for _, node in walk(tree)][place]
    assert before + write(inner, COLUMNS) + after == write(tree, COLUMNS)
    assert before.count("(") - before.count(")") == [level for level, _ in walk(tree)][place]


@each(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (127.5, "127.5"),
        (1234567.0, "1235000"),
        (-0.000123456, "-0.0001235"),
        (1e-9, "1e-9"),
        (-3.4028e38, "-3.403e38"),
        (9999.6, "10000"),
        (5, "5"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
    ],
)
def test_numbers_have_four_significant_digits(value, text):
    assert number(value) == text


@given(st.floats(-1e308, 1e308))
def test_numbers_are_read_back_to_four_digits(value):
    assert float(number(value)) == float(f"{value:.3e}")
    assert float(number(value, 17)) == value


def test_trees_over_other_columns_are_refused():
    for tree in (Split(9, 0.0, Leaf(0), Leaf(1)), Split(2, 0.0, Leaf(0), Leaf(1), (7,))):
        with pytest.raises(EvollmError, match="refers to an unknown column"):
            write(tree, COLUMNS)
    with pytest.raises(EvollmError, match="class 3: use 0 to 2"):
        write(Leaf(3), COLUMNS)
    with pytest.raises(EvollmError, match="contains categories"):
        question(Split(2, 0.5, Leaf(0), Leaf(1)), COLUMNS)
    with pytest.raises(EvollmError, match="no such place"):
        write_around(TREE, 5, PIMA)


def test_depth_is_kept():
    assert depth(read(TEXT, PIMA, 9).tree) == 2
