"""What the codec takes comes back as it was; anything else is refused."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evollm import EvollmError
from evollm.store.codec import decode, encode
from tests.support_each import each


@dataclass(frozen=True)
class Leaf:
    value: Any
    weight: float = 1.0


@dataclass(frozen=True)
class Derived:
    side: float
    area: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "area", self.side**2)


@dataclass
class Mutable:
    value: int


TAGS = ["$tuple", "$map", "$array", "$number", "$class", "$other"]
dtypes = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.floating_dtypes(),
    arrays.complex_number_dtypes(),
    arrays.unicode_string_dtypes(),
    arrays.byte_string_dtypes(),
    arrays.datetime64_dtypes(),
)
array = dtypes.flatmap(
    lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0))
)
number = dtypes.flatmap(lambda kind: arrays.arrays(kind, 1)).map(lambda one: one[0])
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
key = st.text() | st.sampled_from(TAGS) | st.integers() | st.tuples(st.integers(), st.text())
value = st.recursive(
    plain | array | number,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(key, inner)
        | st.builds(Leaf, inner, st.floats())
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Compare bit for bit, types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        bits = one.shape == other.shape and one.dtype == other.dtype
        return bool(bits and one.tobytes() == other.tobytes())
    if isinstance(one, np.generic):
        return bool(one.dtype == other.dtype and one.tobytes() == other.tobytes())
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Leaf):
        return same(one.value, other.value) and same(one.weight, other.weight)
    if isinstance(one, float):
        return repr(one) == repr(other)
    return bool(one == other)


@given(value)
def test_round_trip(given_value: Any) -> None:
    stored = encode(given_value)
    assert isinstance(stored, str | bytes)
    assert same(decode(stored), given_value)
    assert encode(decode(stored)) == stored
    if isinstance(stored, str):
        stored.encode("ascii")


@each("tag", TAGS)
def test_a_dict_that_looks_like_a_tag(tag: str) -> None:
    for inner in ([1, 2], "00", {tag: [["a", 1]]}, None):
        assert decode(encode({tag: inner})) == {tag: inner}


def test_bits_are_packed() -> None:
    bits = np.arange(1000) % 3 == 0
    stored = encode(bits)
    assert len(stored) < 150
    assert same(decode(stored), bits)


def test_layout_and_views_do_not_matter() -> None:
    table = np.arange(12.0).reshape(3, 4)
    for view in (table.T, table[::2], table[:, 1], np.asfortranarray(table)):
        again = decode(encode(view))
        assert np.array_equal(again, view)
        again[...] = 0  # a genome that comes from a record can be worked on


def test_lone_surrogates_of_a_model_survive() -> None:
    text = json.loads('"\\ud83d and \\u00e9"')
    assert decode(encode(text)) == text


def test_derived_fields_are_derived_again() -> None:
    assert decode(encode(Derived(3.0))) == Derived(3.0)


def local_class() -> Any:
    @dataclass(frozen=True)
    class Hidden:
        value: int

    return Hidden(1)


@each(
    "odd",
    [
        {1},
        b"bytes",
        object(),
        lambda: 0,
        Mutable(1),
        Leaf,
        local_class(),
        np.array([object()]),
        np.zeros(2, [("a", "i4")]),
        np.ma.masked_array([1, 2]),
        type("Text", (str,), {})("a subclass"),
        type("Row", (list,), {})([1]),
    ],
)
def test_anything_else_is_refused(odd: Any) -> None:
    for held in (odd, [odd], {"a": (odd,)}, Leaf(odd)):
        with pytest.raises(EvollmError, match="genome"):
            encode(held)


def test_a_record_imports_no_code() -> None:
    stored = json.dumps({"$class": ["antigravity", "Thing", {}]})
    with pytest.raises(EvollmError, match=r"contains genomes of antigravity.Thing: import"):
        decode(stored)
    with pytest.raises(EvollmError, match=r"contains genomes of os.system"):
        decode(json.dumps({"$class": ["os", "system", {"command": "true"}]}))
