"""Text: parts join to the whole, and edits come from the text or the alphabet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from evollm.testing import OperatorKit
from operators.text.variation import EditText, SpliceText, Unit, parts
from tests.operators.test_compose import parents
from tests.support_each import checks, each

ONE, OTHER = "the quick brown fox\njumps over\n", "a lazy dog sleeps\nin the sun"


@each(
    "operator",
    [
        EditText(),
        EditText("characters", 5, tuple("abc")),
        EditText("lines"),
        SpliceText(),
        SpliceText("characters"),
    ],
)
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], operator: Any, tmp_path: Path) -> None:
    check((operator, [ONE, OTHER]), tmp_path)


@given(st.text(max_size=40), st.sampled_from(["characters", "words", "lines"]))
def test_parts_are_the_whole(text: str, unit: Unit) -> None:
    assert "".join(parts(text, unit)) == text


@given(st.text(max_size=20), st.text(max_size=20), st.integers(0, 2**32))
def test_any_text_can_be_varied(one: str, other: str, seed: int) -> None:
    for unit in ("characters", "words", "lines"):
        assert len(EditText(unit, 4).vary(parents(one), 3, seed).genomes) == 3
        assert len(SpliceText(unit).vary(parents(one, other), 3, seed).genomes) == 3


def test_edits_change_little_and_know_their_words() -> None:
    made = EditText("words", 1).vary(parents(ONE), 100, seed=1)
    words = set(ONE.split())
    assert all(set(child.split()) <= words for child in made.genomes)
    assert all(abs(len(child.split()) - 6) <= 1 for child in made.genomes)
    assert len(set(made.genomes)) > 20


def test_a_splice_is_a_beginning_and_an_end() -> None:
    made = SpliceText("characters").vary(parents("a" * 10, "b" * 20), 40, seed=1)
    for child in made.genomes:
        assert child.count("ab") + child.count("ba") <= 1
    assert len(set(made.genomes)) > 5


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(EvollmError, match="at least 1"):
        EditText("words", 0)
    with pytest.raises(EvollmError, match="characters, words or lines, not 2 and pages"):
        EditText("pages")  # type: ignore[arg-type]
    with pytest.raises(EvollmError, match="two parents"):
        SpliceText().vary(parents("a"), 1, seed=0)
