"""The prompts command with a scripted reader, and files of a user's to run it on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from problems.lm.scoring import LabelScorer
from problems.prompts.readers import local
from problems.prompts.readers.reader import Scores, Text
from tests.problems.prompts.data.support_data import rows, write
from tests.problems.prompts.support_toy import Scripted

BLOCK = r"{sentence_1}\n="
FEW = ("--population", "3", "--offspring", "4", "--min-length", "1", "--quiet")


def answered(text: Text) -> Sequence[float]:
    """Find the right word the more clearly, the fewer letters e there are before the last line."""
    shown, _, last = str(text).rstrip("\n=").rpartition("\n")
    gap = 4 - shown.count("e") / 4
    return (-gap, gap) if "fine" in last else (gap, -gap)


class Counting(Scripted):
    """Counts what texts begin with once, as models do."""

    def scores(self, texts: Sequence[Text], words: Sequence[str], before: str) -> Scores:
        """Return the scripted scores."""
        ids = [[ord(letter) for letter in str(text)] for text in texts]
        return super().scores(texts, words, before)._replace(tokens=LabelScorer.nominal(ids))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Let a scripted reader take the place of the models that run in this process."""
    made = Counting(answered, modes=("text", "text_cleaned"), name="scripted")

    def scripted(model: str | None = None, settings: Any = None) -> Scripted:
        return made

    monkeypatch.setattr(local, "LocalReader", scripted)
    return made


def mine(folder: Path, name: str = "films") -> str:
    """Write examples of a user's, with columns and labels of the user's names."""
    marks = ("neg", "pos")
    lines = [f"{name}: {one.fields['sentence_1']},{marks[one.label or 0]}" for one in rows()]
    return str(write(folder, f"{name}.csv", "\n".join(["review,mood", *lines])))


def own(folder: Path, **more: str) -> list[str]:
    """Return the options that name these examples and what to ask."""
    given = {"data": mine(folder), "text": "review", "label": "mood", "words": "neg=bad,pos=good"}
    given = {**given, "block": BLOCK, **more}
    return [part for name, value in given.items() for part in (f"--{name}", value)]
