"""Templates: where slots are, how they are filled, and which are refused."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from problems.prompts.data.template import Template, has_slots
from tests.support_each import each

PAIR = Template('{"a": {b}} "{sentence_1}"\n{ x }{sentence_2}', ("sentence_1", "sentence_2"))


def test_spans_and_parts_follow_the_text() -> None:
    for span in PAIR.spans:
        assert PAIR.text[span.start : span.stop] == f"{{{span.slot}}}"
    assert [span.slot for span in PAIR.spans] == ["sentence_1", "sentence_2"]
    assert "".join(part.text for part in PAIR.parts) == PAIR.text
    assert [part.slot for part in PAIR.parts] == [None, "sentence_1", None, "sentence_2"]
    assert pickle.loads(pickle.dumps(PAIR)) == PAIR


@given(st.text(), st.text())
def test_what_is_filled_in_is_never_filled_again(first: str, second: str) -> None:
    first += "{sentence_2}"
    filled = PAIR.fill({"sentence_1": first, "sentence_2": second, "unused": ""})
    assert filled == f'{{"a": {{b}}}} "{first}"\n{{ x }}{second}'


@each(
    ("text", "why"),
    [
        ("Review:", "'Review:' of films lacks the slot {sentence_1}"),
        ("{sentence_1} {sentence_2}", "has the slot {sentence_2}, which films does not fill"),
        ("{sentence_1} {sentance}", "has the slot {sentance}, which"),
        ("{sentence_1}{mask_token}", "has the slot {mask_token}, which"),
        ("{sentence_1} or {sentence_1}", "has the slot {sentence_1} 2 times"),
    ],
)
def test_wrong_slots_are_refused_in_one_sentence(text: str, why: str) -> None:
    with pytest.raises(EvollmError) as caught:
        Template(text, ("sentence_1",), "films")
    assert why in str(caught.value)
    assert str(caught.value).startswith("the template '")


def test_a_slot_may_be_repeated_where_this_is_said() -> None:
    twice = Template("{a_1} and {a_1}", ("a_1",), repeatable=("a_1",))
    assert twice.fill({"a_1": "x"}) == "x and x"


def test_a_field_that_is_not_given_is_named() -> None:
    with pytest.raises(EvollmError, match=r"needs a text for \{sentence_2\}"):
        PAIR.fill({"sentence_1": "x"})


def test_texts_with_slots_of_any_task_are_told_from_braces() -> None:
    slots = ["{sentence_1}", "a {option_2}", "{mask_token}"]
    texts = ["{}", "{x}", "{ sentence_1 }", "{1}", "sentence_1"]
    assert [text for text in [*slots, *texts] if has_slots(text)] == slots
    assert has_slots("a {x}", ["x"])
