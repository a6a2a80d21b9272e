"""Examples: a file survives the way there and back, and a bad one is refused with its line."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import EvollmError
from operators.vectors.rows import RowFormat, write
from problems.blackbox.teaching.examples import Example, load, save
from tests.support_each import each

PROMPT = write(np.array([[1, 2], [3, 4]]), [-2.0, -1.0], [2], RowFormat(header=True))
GOOD = Example(PROMPT, "5,6")


def line(prompt=PROMPT, answer="5,6", roles=("user", "assistant")):
    texts = (prompt, answer, "more")
    messages = [{"role": r, "content": t} for r, t in zip(roles, texts, strict=False)]
    return json.dumps({"messages": messages})


def test_a_line_is_a_chat_of_two_messages(tmp_path):
    file = tmp_path / "x.jsonl"
    assert save([GOOD, GOOD], file) == 2
    assert file.read_text() == 2 * (line() + "\n")
    assert load(file) == [GOOD, GOOD]
    assert GOOD.row == [5, 6]
    assert [one.name for one in tmp_path.iterdir()] == ["x.jsonl"]


@given(
    st.integers(1, 5).flatmap(
        lambda d: st.lists(
            st.lists(st.integers(0, 1000), min_size=d, max_size=d), min_size=2, max_size=6
        )
    ),
    st.sampled_from(["raw", "scaled", "rank", "none"]),
    st.booleans(),
)
def test_whatever_is_written_can_be_loaded(tmp_path_factory, rows, loss, header):
    file = tmp_path_factory.mktemp("examples") / "x.jsonl"
    form = RowFormat(loss=loss, header=header)
    shown = np.array(rows[:-1])
    prompt = write(shown, [-float(i) for i in range(len(shown))], [len(shown)], form)
    example = Example(prompt, ",".join(map(str, rows[-1])))
    save([example], file)
    assert load(file) == [example]
    assert example.row == rows[-1]


@each(
    ("bad", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no list of 'messages'"),
        ('{"messages": "no"}', "no list of 'messages'"),
        ('{"messages": [3, 4]}', "no list of 'messages'"),
        (line(roles=("user",)), "roles must be"),
        (line(roles=("assistant", "user")), "roles must be"),
        (line(roles=("user", "assistant", "user")), "roles must be"),
        (line(roles=("user", 3)), "roles must be"),
        (line(answer=None), "must be a text"),
        (line(answer=["5,6"]), "must be a text"),
        (line(answer="5"), "'5' is not a row of 2 integers"),
        (line(answer="5,6,7"), "not a row of 2 integers"),
        (line(answer="5,6\n7,8"), "not a row of 2 integers"),
        (line(answer="it is 5,6"), "not a row of 2 integers"),
        (line(answer=""), "not a row of 2 integers"),
        (line(answer="5,1001"), "is outside the range 0 to 1000"),
        (line(answer="-1,5"), "is outside the range 0 to 1000"),
        (line(answer="5," + "9" * 5000), "is outside the range 0 to 1000"),
        (line(prompt="hello"), "no row of integers above"),
        (line(prompt="some\nwords\nhere"), "no row of integers above"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_number(tmp_path, bad, message):
    file = tmp_path / "x.jsonl"
    file.write_text(f"{line()}\n{bad}\n{line()}\n")
    with pytest.raises(EvollmError, match=message) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}, line 2: ")
    assert "\n" not in str(caught.value)


def test_the_range_is_that_of_the_resolution(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text(line(answer="5,1001") + "\n")
    assert load(file, resolution=10_000)[0].row == [5, 1001]
    with pytest.raises(EvollmError, match=r"0 to 100$"):
        load(file, resolution=100)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(EvollmError, match="can't be read"):
        load(tmp_path / "none")
    (tmp_path / "empty").write_text("")
    with pytest.raises(EvollmError, match="contains no examples"):
        load(tmp_path / "empty")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(EvollmError, match="not UTF-8"):
        load(tmp_path / "binary")


def test_nothing_is_written_of_nothing_or_to_nowhere(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text("mine")
    with pytest.raises(EvollmError, match="no example"):
        save([], file)
    assert file.read_text() == "mine"
    with pytest.raises(EvollmError, match="can't be written"):
        save([GOOD], tmp_path / "no" / "x.jsonl")
