"""Answers are parsed and checked: what is not a valid, changed program is refused with a reason."""

import re

import pytest

from evollm.errors import EvollmError
from operators.programs.answers import edited
from operators.programs.source import END, START, Frame, Unusable, split
from tests.operators.programs.support_code import BLOCK, FILE, FRAME, code, diff
from tests.support_each import each

LAST = "    return x * 2 + 1.5"
DEEP = "def f():\n" + "    return " + "(" * 3000 + ")" * 3000


@each(
    ("answer", "line", "form"),
    [
        (diff((LAST, "    return x * 3")), "    return x * 3", "diff"),
        (diff((LAST + "  ", "    return x * 4")), "    return x * 4", "diff"),
        (diff((LAST, "    y = 1\n    return y"), ("    y = 1", "    y = 2")), "    y = 2", "diff"),
        ("```\n" + diff((LAST, "    return 5")) + "```", "    return 5", "diff"),
        (code("def f(x):\n    return 7"), "    return 7", "rewrite"),
        (code(FILE.replace("1.5", "8.5")), "    return x * 2 + 8.5", "rewrite"),
        (code(f"# {START}\ndef f(x):\n    return 9\n# {END}"), "    return 9", "rewrite"),
        ("```sh\nls\n```\n" + code("def f(x):\n    return 10"), "    return 10", "rewrite"),
    ],
)
def test_edits_and_whole_blocks_are_read(answer: str, line: str, form: str) -> None:
    block, found = edited(answer, BLOCK, FRAME)
    assert found == form
    assert line in block.splitlines()
    assert START not in block
    assert FRAME.whole(block).startswith(FRAME.head)
    assert FRAME.whole(block).endswith(FRAME.tail)


@each(
    ("answer", "reason"),
    [
        ("", "neither an edit nor a code block"),
        ("I would use a better algorithm.", "neither an edit nor a code block"),
        ("```python\ndef f(x):\n    return 1", "cut off: its code block has no end"),
        (diff((LAST, "    return 1"))[:-20], "cut off: an edit has no REPLACE line"),
        ("<<<<<<< SEARCH\n" + diff((LAST, "1")), "begins inside another one"),
        (diff(("    return x / 2", "    return 1")), "edit 1 is nowhere"),
        (diff((" ", "    return 1")), "edit 1 is empty"),
        (diff(("def main():", "def main(x):")), "edit 1 is outside the block"),
        (diff(("    return f(4)", "    return 99")), "edit 1 is outside the block"),
        (diff((LAST, LAST)), "the program is unchanged"),
        (diff((LAST, LAST + "  # better")), "the program is unchanged"),
        (diff((LAST, "    return (")), "a syntax error in line"),
        (diff((LAST, f"    # {END}\n    return 1")), "a marker is inside the block"),
        (diff((LAST, "    return '\0'")), "can't parse it|syntax error"),
        (code("def f(x) return 1"), "a syntax error in line"),
        (code(FILE.replace("f(4)", "99")), "code outside the block is changed"),
        (code(f"# {START}\ndef f(x):\n    return 1"), "the markers are not those"),
        (code("x = 1\n" * 20_000), "longer than"),
        (code(DEEP), "can't parse it|syntax error"),
    ],
)  # fmt: skip
def test_what_makes_no_valid_program_is_refused(answer: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        edited(answer, BLOCK, FRAME)


def test_a_search_part_that_fits_two_places_is_refused() -> None:
    block = BLOCK + "\n" + BLOCK.replace("def f", "def g")
    with pytest.raises(Unusable, match="fits 2 places"):
        edited(diff((LAST, "    return 1")), block, FRAME)


def test_a_block_within_a_function_keeps_its_indentation() -> None:
    frame, block = split(f"def f():\n    # {START}\n    x = 1\n    # {END}\n    return x\n")
    made, _ = edited(code("x = 2\nif x:\n    x = 3"), block, frame)
    assert made == "    x = 2\n    if x:\n        x = 3\n"


def test_other_languages_have_their_own_comments_and_no_check() -> None:
    frame, block = split(f"// {START}\nint f();\n// {END}\nint main();\n", ".cpp")
    made, _ = edited(code("int f() { return }"), block, frame)
    assert frame.whole(made) == f"// {START}\nint f() {{ return }}\n// {END}\nint main();\n"


@each(
    ("text", "fault"),
    [
        (f"# {START}\nx = 1\n", "must have one line with"),
        (f"# {END}\n# {START}\n", "must have one line with"),
        (f"# {START}\n# {END}\n" * 2, "join several blocks into one"),
    ],
)
def test_files_with_other_than_one_block_are_refused(text: str, fault: str) -> None:
    with pytest.raises(EvollmError, match=re.escape(fault)):
        split(text)


def test_without_markers_the_whole_file_is_the_block() -> None:
    assert split("x = 1") == (Frame("", ""), "x = 1\n")
    told = f'"""Only what is in the {START.lower()} changes."""\n'
    assert split(told)[1] == told
