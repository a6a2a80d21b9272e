"""JSON in answers: found, read, checked."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.llm.base import ModelError
from evollm.llm.client.schemas import check_schema, fault_of, parse_json
from tests.support_each import each

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
).filter(lambda value: "```" not in json.dumps(value))
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


@given(JSONS, st.sampled_from(["", "json", "JSON"]), st.sampled_from(["\n", "\r\n"]))
def test_fenced_or_bare_json_is_read(value: object, word: str, end: str) -> None:
    text = json.dumps(value, indent=1)
    assert parse_json(f"  {text}\n") == value
    assert parse_json(f"Here it is:{end}```{word}{end}{text}{end}```{end}Good luck!") == value


@given(st.text())
def test_any_text_is_json_or_a_value_error(text: str) -> None:
    try:
        json.dumps(parse_json(text))
    except ValueError:
        return


@each(
    "text",
    ["", "x = {}", 'The answer is {"x": 1}.', "NaN", '{"x": Infinity}', "[" * 100_000, "1" * 9999],
)
def test_what_is_no_json_is_told(text: str) -> None:
    error = fault_of(text, SCHEMA)
    assert error is not None
    assert len(error) < 300


def test_a_broken_schema_is_told_with_its_place() -> None:
    assert fault_of('{"x": 1}', SCHEMA) is None
    assert fault_of('{"x": "1"}', SCHEMA) == (
        "the answer breaks the schema at $.x: '1' is not of type 'integer'"
    )
    assert "required" in (fault_of("{}", SCHEMA) or "")


def test_a_reference_to_elsewhere_is_never_fetched() -> None:
    schema = {"$ref": "http://127.0.0.1:9/schema.json"}
    with pytest.raises(ModelError, match="refers to"):
        fault_of("{}", schema)


def test_a_reference_within_the_schema_holds() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}
    assert fault_of("1", schema) is None
    assert fault_of('"1"', schema)


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(ModelError, match="the JSON schema is invalid"):
        check_schema({"type": "nonsense"})
