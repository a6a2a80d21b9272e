import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import EvollmError
from operators.vectors.rows import (
    Decimals,
    RowFormat,
    decode,
    encode,
    grammar,
    query_loss,
    read,
    write,
)
from tests.support_each import each

resolutions = st.sampled_from([1, 7, 100, 1000, 10_000])
FORM = RowFormat()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), resolutions)
def test_an_integer_is_the_nearest_of_the_grid(u, resolution):
    u = np.array(u)
    integers = encode(u, resolution)
    assert ((integers >= 0) & (integers <= resolution)).all()
    assert (np.abs(decode(integers, resolution) - u) <= 0.5 / resolution + 1e-12).all()
    assert np.array_equal(encode(decode(integers, resolution), resolution), integers)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8), st.data())
def test_a_well_formed_answer_is_read_back_whatever_the_spaces(integers, data):
    spaces = st.sampled_from(["", " ", "  "])
    text = ",".join(data.draw(spaces) + str(i) + data.draw(spaces) for i in integers)
    end = data.draw(st.sampled_from(["", ".", ",", " ;", "\n", "\nmore 1,2,3"]))
    start = data.draw(st.sampled_from(["", "\n", " \n\n "]))
    answer = read(start + text + end, len(integers), FORM)
    assert answer.reading == "strict"
    assert answer.integers.tolist() == integers
    assert answer.clips == 0


@given(st.text(), st.integers(1, 4), st.booleans(), st.booleans())
def test_any_text_at_all_gives_an_answer_in_range_or_none(text, columns, header, prefix):
    answer = read(text, columns, RowFormat(header=header), allow_prefix=prefix)
    assert (answer.integers is None) == (answer.reading == "failed")
    if answer.integers is not None:
        assert len(answer.integers) == columns
        assert ((answer.integers >= 0) & (answer.integers <= 1000)).all()


@each("text", ["", "   \n", "437", "437,471,300", "4.37,471", "none", "-", "٤٣٧,٤٧١", "[]"])
def test_what_is_not_exactly_two_integers_fails(text):
    assert read(text, 2, FORM).integers is None


def test_numbers_beyond_the_range_are_moved_to_its_ends_and_counted():
    answer = read("1040,-3", 2, FORM)
    assert answer.integers.tolist() == [1000, 0]
    assert (answer.reading, answer.clips) == ("strict", 2)
    huge = read("9" * 5000 + ",-" + "9" * 5000, 2, FORM)
    assert huge.integers.tolist() == [1000, 0]


def test_words_around_the_integers_make_the_reading_lenient():
    answer = read("x1 is 437 and 9 it is", 3, FORM)
    assert (answer.reading, answer.integers.tolist()) == ("lenient", [1, 437, 9])
    assert read("[437, 471]", 2, FORM).reading == "lenient"


def test_a_longer_row_counts_by_its_beginning_only_on_request():
    assert read("1,2,3", 2, FORM).integers is None
    assert read("1,2,3", 2, FORM, allow_prefix=True).integers.tolist() == [1, 2]


def test_with_a_header_what_stands_before_the_last_colon_is_passed_over():
    assert read("7.027:437,471", 2, FORM).integers is None
    assert read("Answer 7.027: 437,471", 2, RowFormat(header=True)).reading == "strict"


LOSSES = [18.605, 18.385, 15.4625, 15.145, 11.9725, 8.08]
ROWS = np.arange(12).reshape(6, 2)


def texts(form):
    prompt = write(ROWS, [-loss for loss in LOSSES], [3, 3], form)
    return [line.rpartition(":")[0] for line in prompt.split("\n") if line]


def test_scaled_losses_are_those_of_the_specification_and_shift_for_the_query():
    plain = RowFormat(loss="scaled", delta=None)
    assert texts(plain) == ["1000", "979", "701", "671", "370", "0", ""]
    assert texts(RowFormat(loss="scaled")) == ["1100", "1079", "801", "771", "470", "100", "0"]


def test_ranks_count_from_the_best_and_none_shows_rows_alone():
    assert texts(RowFormat(loss="rank")) == ["6", "5", "4", "3", "2", "1", "0"]
    bare = write(ROWS, [-loss for loss in LOSSES], [3, 3], RowFormat(loss="none"))
    assert bare == "0,1\n2,3\n4,5\n\n6,7\n8,9\n10,11\n"
    assert write(ROWS, [-loss for loss in LOSSES], [6], RowFormat(delta=None)).endswith("\n:")


@each(("delta", "query"), [(0.05, 7.55375), (0.1, 7.0275), (0.5, 2.8175), (1.0, -2.445)])
def test_the_query_lies_below_the_best_by_delta_ranges(delta, query):
    assert query_loss(np.array(LOSSES), delta) == pytest.approx(query)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9),
    st.sampled_from(["raw", "scaled", "rank"]),
)
def test_no_prompt_ever_shows_nan_or_infinity(fitness, loss):
    prompt = write(np.zeros((len(fitness), 1), int), fitness, [len(fitness)], RowFormat(loss=loss))
    assert "nan" not in prompt
    assert "inf" not in prompt
    assert len(prompt.split("\n")) == len(fitness) + 1


def test_equal_losses_still_ask_for_less():
    assert query_loss(np.array([5.0, 5.0]), 0.1) < 5.0


def test_the_header_says_what_the_rows_are():
    prompt = write(ROWS, [-loss for loss in LOSSES], [6], RowFormat(header=True))
    head, _, body = prompt.partition("\n\n")
    assert "2 integers from 0 to 1000" in head
    assert body == write(ROWS, [-loss for loss in LOSSES], [6], RowFormat())


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4))
def test_the_grammar_describes_what_is_read(integers):
    text = grammar(len(integers), 2, exact=True)
    root, number = text.strip().split("\n")
    digits = number.removeprefix("number ::= ").replace(" ", "")
    pattern = root.removeprefix("root ::= ").replace('","', ",").replace(" ", "")
    row = ",".join(f"{i:02d}" for i in integers)
    assert re.fullmatch(pattern.replace("number", digits), row)
    assert read(row, len(integers), RowFormat(resolution=99)).integers.tolist() == integers


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=4))
def test_decimals_are_written_in_the_units_of_the_box_and_read_back(integers):
    form = Decimals(low=-5.0, high=5.0)
    prompt = write(np.array([integers]), [-1.5], [1], form)
    row = prompt.split("\n")[0].partition(":")[2]
    assert row == ",".join(f"{i / 100 - 5:.3f}" for i in integers)
    answer = read(row, len(integers), form)
    assert (answer.reading, answer.integers.tolist()) == ("strict", integers)
    root, number = form.grammar(len(integers)).strip().split("\n")
    pattern = number.removeprefix("number ::= ").replace(" ", "").replace('"."', r"\.")
    pattern = pattern.replace('"-"?', "-?")
    rows = root.removeprefix("root ::= ").replace('","', ",").replace(" ", "")
    assert re.fullmatch(rows.replace("number", pattern), row)


@given(st.text(), st.integers(1, 4))
def test_any_text_at_all_is_read_as_decimals_in_range_or_not_at_all(text, columns):
    answer = read(text, columns, Decimals(low=-1.0, high=3.0))
    if answer.integers is not None:
        assert ((answer.integers >= 0) & (answer.integers <= 1000)).all()


def test_decimals_out_of_the_box_are_moved_and_counted_and_the_header_names_the_ends():
    form = Decimals(low=-5.0, high=5.0, header=True)
    answer = read("-9.5, " + "9" * 400, 2, form)
    assert (answer.integers.tolist(), answer.clips) == ([0, 1000], 2)
    head = write(ROWS, [-loss for loss in LOSSES], [6], form).split("\n")[0]
    assert "2 decimal numbers from -5.000 to 5.000" in head
    assert "integers" not in head
    assert form.width == len("-5.000")
    for wrong in ({"low": 2.0}, {"high": float("nan")}, {"places": 0}):
        with pytest.raises(EvollmError, match="decimals need"):
            Decimals(**wrong)


def test_a_resolution_below_one_is_refused():
    with pytest.raises(EvollmError, match="resolution"):
        RowFormat(resolution=0)
