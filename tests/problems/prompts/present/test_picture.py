"""The picture of a pruned prompt shows every character once, and what was pruned."""

import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from problems.prompts.data.template import Template
from problems.prompts.present.drawing import COLUMNS, draw
from problems.prompts.present.lines import width, wrapped
from problems.prompts.present.picture import Piece, boxed, pieces, terminal, visible
from problems.prompts.tokens import Prompt
from tests.problems.prompts.support_toy import Characters
from tests.problems.prompts.support_words import BLOCK, DEMONSTRATION, WORDS

PROMPT = Prompt.of(Template(DEMONSTRATION + BLOCK, ("sentence_1",)), WORDS)
TEXT = PROMPT.template.text


class Bytes(Characters):
    """A tokenizer with two tokens per letter beyond ASCII, which share its character."""

    def encode(self, text: str) -> list[tuple[int, int, int]]:
        """Return the tokens."""
        return [one for one in super().encode(text) for _ in range(1 + (one[0] > 127))]

    def decode(self, ids: list[int], clean: bool = False) -> str:  # type: ignore[override]
        """Return the text, each pair of tokens as one letter."""
        return re.sub(r"([^\x00-\x7f])\1", r"\1", super().decode(ids))


def mask(*dropped: str) -> np.ndarray:
    """Return the mask that lacks the first token of each text."""
    found = PROMPT.whole
    spelt = PROMPT.spelt(found)
    for text in dropped:
        found[spelt.index(text)] = False
    return found


def test_pieces_are_the_prompt_with_neighbours_joined() -> None:
    found = pieces(PROMPT, mask(" the", " food", "\n", "Mood"))
    assert found == [
        Piece("Note:", "kept"),
        Piece(" the food", "pruned"),
        Piece(" was lovely", "kept"),
        Piece("\nMood", "pruned"),
        Piece(": great\n\nNote: ", "kept"),
        Piece("{sentence_1}", "slot"),
        Piece("\nMood:", "kept"),
    ]


@given(st.integers(0, 2**17 - 1))
def test_no_character_is_lost(bits: int) -> None:
    chosen = np.array([bits >> place & 1 for place in range(len(PROMPT.free))], dtype=np.bool_)
    found = pieces(PROMPT, chosen)
    assert "".join(one.text for one in found) == TEXT
    kept = "".join(one.text for one in found if one.kind != "pruned")
    assert kept == PROMPT.text(chosen)
    assert terminal(found).replace("[-", "").replace("-]", "").replace("↵", "") == TEXT
    page = unescape(re.sub(r"<[^>]+>", "", boxed(found)))
    assert page.replace("↵", "") == TEXT


def test_a_character_of_several_tokens_is_pruned_with_any_of_them() -> None:
    prompt = Prompt.of(Template("aé{sentence_1}", ("sentence_1",)), Bytes())
    assert prompt.texts == ("a", "é", "", "{sentence_1}")
    for chosen in ([1, 0, 1], [1, 1, 0], [1, 0, 0]):
        found = pieces(prompt, np.array(chosen, dtype=np.bool_))
        assert found[:2] == [Piece("a", "kept"), Piece("é", "pruned")]


def test_plain_text_marks_what_was_pruned_as_wdiff_does() -> None:
    found = pieces(PROMPT, mask(" the", " food", "\n", "Mood"))
    assert terminal(found) == (
        "Note:[- the food-] was lovely[-↵-]\n[-Mood-]: great\n\nNote: {sentence_1}\nMood:"
    )


def test_html_escapes_everything() -> None:
    found = [Piece('<b>&"', "kept"), Piece("<i>", "pruned"), Piece("{<s>}", "slot")]
    page = boxed(found)
    assert "&lt;b&gt;&amp;&quot;" in page
    assert re.search(r"<del [^>]*line-through[^>]*>&lt;i&gt;</del>", page)
    assert re.search(r"<span [^>]*border[^>]*>{&lt;s&gt;}</span>", page)
    assert not re.search(r"<[bis]>", page)


@given(st.lists(st.tuples(st.text(max_size=90), st.sampled_from(["kept", "pruned"])), max_size=6))
def test_lines_of_the_drawing_fit_and_lose_nothing(given_: list[tuple[str, str]]) -> None:
    found = [Piece(text, kind) for text, kind in given_]  # type: ignore[arg-type]
    lines = list(wrapped(found, COLUMNS))
    for line in lines:
        text = "".join(char for char, _ in line)
        assert width(line[: len(text.rstrip(" "))]) <= COLUMNS
    drawn = "".join(char for line in lines for char, _ in line)
    whole = "".join(text for text, _ in given_).replace("\n", "")
    assert drawn.replace("↵", "").replace(" ", "") == visible(whole).replace("↵", "").replace(
        " ", ""
    )


def test_lines_break_behind_blanks() -> None:
    lines = list(wrapped([Piece("one two three\nfour", "kept")], 8))
    assert ["".join(char for char, _ in line) for line in lines] == ["one two ", "  three", "four"]


def test_what_cannot_be_shown_has_a_mark() -> None:
    assert visible("a\tb\x07é") == "a→b·é"


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_drawing_is_written(ending: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    odd = [Piece("$x_1$ 退屈 \x00 " * 30, "pruned"), Piece("\n", "pruned"), Piece("{a}", "slot")]
    file = draw([*odd, *pieces(PROMPT, mask(" food"))], tmp_path / f"prompt.{ending}", "a note")
    assert file.stat().st_size > 1000
    if ending == "svg":
        assert "a note" in file.read_text()
