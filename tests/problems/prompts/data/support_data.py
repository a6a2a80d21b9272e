"""A small task whose examples are made by code."""

from pathlib import Path

from problems.prompts.data.example import Example
from problems.prompts.data.splits import Sizes, cut
from problems.prompts.data.task import Task

SIZES = Sizes(demonstrations=8, search=4, select=6, test=10)


def rows(count: int = 60) -> list[Example]:
    """Texts by turns bad and good."""
    words = ("dull", "fine")
    return [
        Example({"sentence_1": f"film {n} is {words[n % 2]}"}, n % 2, source="rows", lines=(n + 1,))
        for n in range(count)
    ]


def task() -> Task:
    """The texts as a task."""
    return Task(
        "films",
        "classification",
        ("terrible", "great"),
        "Review: {sentence_1}\nSentiment:",
        splits=cut(rows(), SIZES),
    )


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    """Write a file of a user's or publisher's."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path
