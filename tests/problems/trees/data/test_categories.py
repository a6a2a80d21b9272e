"""Every kind of column that a frame may hold, alone and beside categories, now and later."""

from typing import Any

import numpy as np
import pandas
import pytest

from evollm import EvollmError
from problems.trees.data.categories import Coder, codes_of
from problems.trees.estimators import LLEGOClassifier
from problems.trees.present.export import to_python
from tests.problems.trees.test_estimators import small
from tests.support_each import each

N = 40
VALUES = np.arange(N) % 4
Y = np.arange(N) % 2
NUMBERS = (
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "bool", "Int8", "UInt8", "Int64", "Float32", "Float64"),
)
GAPS = [value if value else None for value in VALUES.tolist()]


def series(cells: Any, dtype: Any = None) -> Any:
    return pandas.Series(cells, dtype=dtype)


KEPT: dict[str, Any] = {
    **{kind: series(VALUES).astype(kind) for kind in NUMBERS},
    **{f"{kind} with gaps": series(GAPS, kind) for kind in ("Int8", "Int64", "Float64", "float64")},
    "boolean": series([True, None] * (N // 2), "boolean"),
    "objects": series([1, None, 2.5, np.nan, pandas.NA] * (N // 5), object),
    "nothing": series([None] * N, object),
    "sparse": series(pandas.arrays.SparseArray(VALUES.astype(float))),
    "sparse with gaps": series(pandas.arrays.SparseArray(np.where(VALUES, VALUES, np.nan))),
    "category of integers": series(VALUES).astype("category"),
    "category with gaps": series(GAPS, "Int64").astype("category"),
    "category of texts": series(VALUES).astype(str).astype("category"),
    "category of booleans": series(VALUES > 1).astype("category"),
    "category of intervals": pandas.cut(series(VALUES), [-1, 0, 2, 5]),
    "category of dates": series(pandas.to_datetime(VALUES, unit="D")).astype("category"),
}
REFUSED: dict[str, Any] = {
    "string": series(VALUES.astype(str), "string"),
    "text": series(["1", "b"] * (N // 2), object),
    "dates": series(pandas.to_datetime(VALUES, unit="D")),
    "zoned": series(pandas.to_datetime(VALUES, unit="D")).dt.tz_localize("UTC"),
    "durations": series(pandas.to_timedelta(VALUES, unit="D")),
    "periods": series(pandas.to_datetime(VALUES, unit="D")).dt.to_period("D"),
    "complex": series(VALUES.astype(complex)),
    "lists": series([[1]] * N, object),
    "arrays": series([np.zeros(2)] * N, object),
    "bytes": series([b"a"] * N, object),
}


def fitted(frame: Any, **more: Any) -> Any:
    return small(LLEGOClassifier, operators="classical", **more).fit(frame, Y)


@each("kind", KEPT)
def test_a_column_of_any_kind_is_read_alone_and_beside_categories(kind: str) -> None:
    column = KEPT[kind]
    colour = series(["a", "b", "c", None] * (N // 4)).astype("category")
    alone, beside = pandas.DataFrame({"a": column}), pandas.DataFrame({"a": column, "k": colour})
    expected = Coder.of(alone).coded(alone)["a"].to_numpy()
    assert expected.dtype == np.float64
    assert np.isnan(expected).sum() == column.isna().sum()
    np.testing.assert_equal(Coder.of(beside).coded(beside)["a"].to_numpy(), expected)
    for frame in (alone, beside):
        model = fitted(frame)
        np.testing.assert_array_equal(model.predict(frame), model.predict(frame.iloc[:, :].copy()))
        assert len(model.predict(frame.iloc[:3])) == 3


@each("kind", REFUSED)
def test_what_is_neither_numbers_nor_a_category_is_refused(kind: str) -> None:
    for more in ({}, {"k": series(VALUES).astype("category")}):
        with pytest.raises(
            EvollmError, match=r"column 'a' contains .*: convert it to numbers, or to a cat"
        ) as e:
            fitted(pandas.DataFrame({"a": REFUSED[kind], **more}))
        assert "\n" not in str(e.value)
        model = fitted(pandas.DataFrame({"a": VALUES, **more}))
        with pytest.raises(
            EvollmError, match="column 'a' contained numbers when the tree was fitted"
        ):
            model.predict(pandas.DataFrame({"a": REFUSED[kind], **more}))


@each("kind", ["int64[pyarrow]", "double[pyarrow]", "bool[pyarrow]"])
def test_columns_of_arrow_are_read(kind: str) -> None:
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": series(GAPS, "Int64").astype(kind), "k": KEPT["boolean"]})
    assert Coder.of(frame).coded(frame)["a"].isna().sum() == frame["a"].isna().sum()


def test_categories_are_the_same_by_value_whatever_holds_them() -> None:
    zone = series(VALUES + 1)
    y = np.isin(zone, [1, 4]).astype(int)
    frame = pandas.DataFrame({"zone": zone.astype("category"), "more": np.zeros(N)})
    model = small(LLEGOClassifier, operators="classical", generations=8, population_size=12)
    assert model.fit(frame, y).score(frame, y) == 1.0
    gap = zone.astype(float)
    gap[0] = np.nan
    forms = [zone, zone.astype(float), zone.astype("Int64"), zone.astype("float32"), gap]
    forms += [zone.astype(object), zone.astype("uint8"), gap.astype("Int64"), gap.astype(object)]
    for form in forms:
        for column in (form, form.astype("category")):
            told = model.predict(frame.assign(zone=column))
            np.testing.assert_array_equal(told[1:], y[1:])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(model.predict(frame.astype(float).to_numpy()), y)
    space: dict[str, Any] = {}
    exec(to_python(model.tree_, model.columns_), space)
    for form in (int, float, np.int8):
        said = [space["predict"]({"zone": form(value), "more": 0.0}) for value in zone]
        np.testing.assert_array_equal(said, y)


@each(
    ("then", "now", "said"),
    [
        ([1, 2], ["1", "2"], "contained numbers when the tree was fitted, but contains texts now"),
        (["1", "2"], [1, 2], "contained texts when the tree was fitted, but contains numbers now"),
        (
            ["a", "b"],
            ["a", 2],
            "contained texts when the tree was fitted, but contains numbers and texts",
        ),
        (["a", "b"], [["a"], ["b"]], "column 'k' contains lists or arrays"),
    ],
)
def test_a_category_of_another_kind_is_refused(then: Any, now: Any, said: str) -> None:
    coder = Coder.of(pandas.DataFrame({"k": series(then).astype("category")}))
    with pytest.raises(EvollmError, match=said):
        coder.coded(pandas.DataFrame({"k": series(now, object)}))


def test_a_number_that_has_become_a_category_is_refused() -> None:
    coder = Coder.of(pandas.DataFrame({"a": VALUES}))
    with pytest.raises(
        EvollmError, match=r"contained numbers when .*, but contains categories now"
    ):
        coder.coded(pandas.DataFrame({"a": series(VALUES).astype("category")}))


def test_an_integer_beside_its_text_is_refused() -> None:
    frame = pandas.DataFrame({"k": series([1, "1"] * (N // 2), object).astype("category")})
    with pytest.raises(
        EvollmError, match="categories of column 'k' must have different names, not 1"
    ):
        fitted(frame)
    with pytest.raises(EvollmError, match="y contains both strings and numbers, and 1 is not '1'"):
        small(LLEGOClassifier).fit(np.zeros((4, 1)), np.array([1, "1", 1, "1"], dtype=object))


def test_what_is_not_known_is_missing_and_said_where_nothing_is() -> None:
    labels = ("red", "green")
    np.testing.assert_equal(codes_of(["red", "pink", None], labels, "k"), [0, np.nan, np.nan])
    with pytest.warns(UserWarning, match="column 'k' has none of the values that it had when"):
        codes = codes_of(["Red", "Green"], labels, "column 'k'")
    assert np.isnan(codes).all()


def test_a_frame_without_its_category_is_named() -> None:
    frame = pandas.DataFrame({"a": VALUES, "k": series(VALUES).astype("category")})
    model = fitted(frame)
    with pytest.raises(
        EvollmError, match="the frame lacks the column 'k', which contained categories"
    ):
        model.predict(frame[["a"]])
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(frame[["k", "a"]])
    with pytest.raises(ValueError, match="Feature names unseen at fit time"):
        model.predict(frame.assign(z="text"))
    with pytest.raises(EvollmError, match="two columns are called 'a': rename one"):
        fitted(frame.set_axis(["a", "a"], axis=1))


def test_parameters_name_columns_by_what_the_frame_calls_them() -> None:
    frame = pandas.DataFrame({10: VALUES, 20: Y})
    fair = {"objectives": ["accuracy", "gap"], "features": {10: "years", "x2": "sex"}}
    assert set(fitted(frame, groups=20, **fair).best_.metrics) >= {"accuracy", "gap"}
    with pytest.raises(
        EvollmError, match="groups names 1, which is not a column: choose from 10, 20"
    ):
        fitted(frame, groups=1, **fair)
    pairs = frame.set_axis(pandas.MultiIndex.from_tuples([("a", "b"), ("a", "c")]), axis=1)
    assert fitted(pairs, features={("a", "c"): "sex"}).columns_.columns[1].name == "x2"


@each("kind", ["bool", "int64", "float64", "str", "category"])
def test_classes_are_exported_as_they_are(kind: str) -> None:
    y = series(Y).astype(kind)
    frame = pandas.DataFrame({"a": VALUES})
    model = small(LLEGOClassifier, operators="classical").fit(frame, y)
    space: dict[str, Any] = {}
    exec(to_python(model.tree_, model.columns_), space)
    said = [space["predict"]({"a": value}) for value in VALUES.tolist()]
    assert said == model.predict(frame).tolist()
    assert {type(one) for one in said} <= {type(one) for one in np.asarray(y).tolist()}
