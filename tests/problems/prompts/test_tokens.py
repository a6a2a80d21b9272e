"""A prompt's tokens: slots are protected, and what a mask leaves is a text or ids."""

import re
from collections.abc import Sequence

import numpy as np
import pytest

from evollm import EvollmError
from problems.prompts.data.builtin import BUILTIN
from problems.prompts.data.template import Template
from problems.prompts.readers.local import LocalReader
from problems.prompts.tokens import MODES, Prompt
from tests.problems.prompts.support_toy import Characters

SLOT = "{sentence_1}"
QUOTED = f'Rewrite "the food is bad" as "the food is good".\nRewrite "{SLOT}" as "'


class Pieces:
    """A tokenizer whose tokens are words, with the marks and the line ends around them."""

    name = "pieces"
    mask = ""

    def __init__(self) -> None:
        self.known: list[str] = []

    def encode(self, text: str) -> list[tuple[int, int, int]]:
        """Return a token per piece."""
        found = []
        for match in re.finditer(r'\s*[{"]*[\w]+[^\w\s]*\n*|\s*\S', text):
            piece = match[0]
            if piece not in self.known:
                self.known.append(piece)
            found.append((self.known.index(piece), *match.span()))
        return found

    def decode(self, ids: Sequence[int], clean: bool = False) -> str:
        """Return the text."""
        text = "".join(self.known[token] for token in ids)
        return text.replace(" .", ".") if clean else text


def template(text: str) -> Template:
    return Template(text, ("sentence_1",), "the test")


def bare(prompt: Prompt) -> str:
    return prompt.text(np.zeros(len(prompt.free), dtype=bool))


def test_what_touches_a_slot_stays() -> None:
    prompt = Prompt.of(template(f'say "{SLOT}"\nnow:'), Pieces())
    assert bare(prompt) == f' "{SLOT}"\n'  # quotation marks and the line end are of its token
    apart = Prompt.of(template(f'say "{SLOT}"\nnow:'), Pieces(), merged=False)
    assert bare(apart) == SLOT
    assert len(apart.free) > len(prompt.free)


def test_a_mask_keeps_the_order_and_the_slot() -> None:
    prompt = Prompt.of(template(f"abc{SLOT}de"), Characters())
    mask = np.array([True, False, True, False, True])
    assert prompt.text(mask) == f"ac{SLOT}e"
    assert prompt.pruned(mask).fill({"sentence_1": "{sentence_1}!"}) == "ac{sentence_1}!e"
    assert prompt.text(prompt.whole) == f"abc{SLOT}de"
    assert prompt.spelt(~mask) == ("b", "d")
    assert prompt.key(mask, "text") == f"ac{SLOT}e"
    assert prompt.key(mask, "ids") != prompt.key(prompt.whole, "ids")


def test_ids_hold_the_example_with_the_blank_before_it() -> None:
    tokenizer = Pieces()
    prompt = Prompt.of(template(f"Review: {SLOT} end"), tokenizer, "ids")
    ids = prompt.filled_ids(prompt.whole, {"sentence_1": "fine film"})
    assert tokenizer.decode(ids) == "Review: fine film end"
    assert tokenizer.decode([ids[1]]) == " fine"
    assert tokenizer.decode(prompt.filled_ids(np.array([False, True]), {"sentence_1": "ok"})) == (
        " ok end"
    )


def test_cleaning_removes_blanks_before_punctuation() -> None:
    prompt = Prompt.of(template(f"a good film . {SLOT} :"), Pieces())
    assert prompt.text(prompt.whole, clean=True) == f"a good film. {SLOT} :"


def test_an_unknown_mode_and_a_lost_slot_are_refused() -> None:
    with pytest.raises(EvollmError, match="mode is one of text, text_cleaned, ids, not 'tokens'"):
        Prompt.of(template(SLOT), Characters(), "tokens")  # type: ignore[arg-type]

    class Lossy(Characters):
        def decode(self, ids: Sequence[int], clean: bool = False) -> str:
            return super().decode(ids, clean).replace("{", "(")

    with pytest.raises(EvollmError, match="can't spell the slots"):
        Prompt.of(template(SLOT), Lossy())


@pytest.mark.model
def test_each_built_in_template_keeps_its_slots_with_the_real_tokenizer() -> None:
    reader = LocalReader()
    for task in BUILTIN.values():
        for mode in MODES:
            for merged in (True, False):
                prompt = Prompt.of(task.template(task.block), reader.tokenizer, mode, merged)
                left = bare(prompt)
                assert all(f"{{{slot}}}" in left for slot in task.slots), (task.name, mode, merged)
                assert prompt.text(prompt.whole) == task.block, (task.name, mode, merged)
    quoted = Prompt.of(template(QUOTED), reader.tokenizer)
    assert SLOT in bare(quoted)
    assert quoted.text(quoted.whole) == QUOTED


@pytest.mark.model
def test_whole_prompts_in_ids_are_the_tokens_of_the_filled_text() -> None:
    reader = LocalReader()
    task = BUILTIN["rt2"]
    prompt = Prompt.of(task.template(task.block), reader.tokenizer, "ids")
    texts = ["a fine film .", "it's dull , and long", "one word", "so good that i cried !"]
    for text in texts:
        filled = prompt.template.fill({"sentence_1": text})
        expected = [token for token, _, _ in reader.encode(filled)]
        assert prompt.filled_ids(prompt.whole, {"sentence_1": text}) == expected, text
