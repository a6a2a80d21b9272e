import numpy as np
import pytest

from evollm import EvollmError
from operators.trees.columns import Column, Columns, distinct, same_label
from tests.support_each import each

X = np.array([[1.0, 5.0, 0.0], [2.0, 5.0, 1.0], [4.0, np.nan, 1.0], [4.0, 5.0, 2.0]])
NAMES = ["age", "flat", "colour"]
LABELS = {"colour": ["red", "green", "blue"]}


def test_columns_are_described_from_a_table():
    columns = Columns.of(X, NAMES, classes=("no", "yes"), categories=LABELS, units={"age": "years"})
    age, flat, colour = columns.columns
    assert age == Column("age", (1.5, 3.0), (), 1.0, 4.0, "years")
    assert flat == Column("flat", (), (), 5.0, 5.0, gaps=True)
    assert colour == Column("colour", categories=("red", "green", "blue"))


def test_many_thresholds_are_thinned_and_keep_their_ends():
    values = np.arange(1000.0)[:, None]
    thresholds = Columns.of(values, most=5).columns[0].thresholds
    assert len(thresholds) == 5
    assert thresholds[0] == 0.5
    assert thresholds[-1] == 998.5


def test_new_leaves_keep_to_the_range_of_the_target():
    columns = Columns.of(X, NAMES, y=[3.0, -1.0, 2.0, 2.0])
    assert (columns.low, columns.high) == (-1.0, 3.0)
    assert Columns.of(X).columns[2].name == "x3"


def test_tokens_hold_no_white_space_and_stay_different():
    columns = Columns((Column("a b"), Column("a (b)"), Column("ß-é"), Column("%")), (0, "un known"))
    assert columns.tokens == ("a_b", "a_b_2", "ß-é", "x")
    assert columns.class_tokens == ("0", "un_known")


def test_anonymous_columns_say_nothing():
    columns = Columns.of(X, NAMES, classes=("ill", "well"), categories=LABELS).anonymous()
    assert columns.tokens == ("x1", "x2", "x3")
    assert columns.classes == (0, 1)
    assert columns.columns[2].categories == ("c0", "c1", "c2")
    assert columns.columns[0].thresholds == (1.5, 3.0)


@each(
    ("make", "message"),
    [
        (lambda: Columns(()), "at least one column"),
        (lambda: Columns((Column("a"), Column("a"))), "different"),
        (lambda: Columns((Column(""),)), "non-empty"),
        (
            lambda: Columns((Column("a"),), ("1", 1)),
            "classes must have different names, not '1', 1",
        ),
        (
            lambda: Columns((Column("a"),), (1, 1.0)),
            "classes must have different names, not 1, 1.0",
        ),
        (lambda: Column("a", categories=("1", 1)), "categories of column 'a' must have different"),
        (lambda: Columns.of(X, ["a"]), "3 columns need the same number of names, not 1"),
        (lambda: Columns.of(X, NAMES, units={"agee": "y"}), "did you mean 'age'"),
        (lambda: Columns.of(X[0]), "table"),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(EvollmError, match=message):
        make()


def test_labels_may_be_arrays_and_become_pythons_own():
    labels = np.array([True, False])
    columns = Columns.of(X, NAMES, y=X[:, 0], classes=labels, categories={"colour": np.arange(3)})
    assert columns == Columns.of(X, NAMES, classes=(True, False), categories={"colour": (0, 1, 2)})
    kinds = {type(label) for label in (*columns.classes, *columns.columns[2].categories)}
    assert kinds == {bool, int}
    assert distinct("dates", [np.datetime64("2020-01-02"), None]) == ("2020-01-02", "None")


def test_labels_are_compared_by_value():
    assert same_label(1, 1.0)
    assert same_label("1", "1")
    assert not same_label("1", 1)
    assert not same_label(True, 1)
