"""Data sets in the layouts that their publishers use, from a folder that the user gives."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from evollm.checks import nearest
from evollm.errors import EvollmError
from problems.prompts.data.example import Example
from problems.prompts.data.sources import layouts
from problems.prompts.data.splits import Sizes, cut
from problems.prompts.data.task import Task

MOST = 50_000
"""How many examples of a file are read; the largest files, which are shuffled, have millions."""
Reader = Callable[[Path], Iterator[Example]]
_STARS = ("terrible", "bad", "neutral", "good", "great")


@dataclass(frozen=True)
class Publisher:
    """A data set's task and files.

    Attributes:
        task: The task, without examples.
        read: Reads the examples of one file.
        pool: Names that the file for all splits but the test may have; the first that exists is
            read.
        test: The same for the test.
        whole: Names of a file that may be there instead, for all splits.
        more: Files beside that one.
    """

    task: Task
    read: Reader
    pool: Sequence[str]
    test: Sequence[str]
    whole: Sequence[str] = ()
    more: Sequence[str] = ()


def load_folder(
    name: str, folder: str | Path, sizes: Sizes | None = None, *, seed: int = 0
) -> Task:
    """Return a publisher's task with the examples in a folder.

    Args:
        name: One of ``PUBLISHERS``.
        folder: Where its files are, under the names that the publisher gave them.
        sizes: How many examples per class; None for the default.
        seed: Of the splits.

    Raises:
        EvollmError: If there is no data set of this name, or a file is missing or not as expected.
    """
    if name not in PUBLISHERS:
        raise EvollmError(f"there is no data set {name!r}{nearest(name, PUBLISHERS)}")
    publisher = PUBLISHERS[name]
    home = Path(folder).expanduser()
    file = _found(home, [*publisher.pool, *publisher.whole], name)
    files = [file, *(_found(home, [more], name) for more in publisher.more)]
    pool = [one for file in files for one in islice(publisher.read(file), MOST)]
    held_out = None
    if file.name not in publisher.whole:
        held_out = list(islice(publisher.read(_found(home, publisher.test, name)), MOST))
    return publisher.task.with_splits(cut(pool, sizes, seed=seed, held_out=held_out))


def _found(folder: Path, names: Sequence[str], data: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise EvollmError(
        f"{folder} has no {' or '.join(names)}: give the folder that holds the files of {data}"
    )


def _classified(name: str, labels: Sequence[str], block: str, origin: str) -> Task:
    return Task(name, "classification", tuple(labels), block, origin=origin, licence=_TERMS)


_TERMS = "the publisher's terms"
_NLI_BLOCK = (
    "Premise: {sentence_1}\nHypothesis: {sentence_2}\n"
    "Question: Does the premise imply the hypothesis? Yes, Unknown or No?\nThe answer is"
)
"""The premise fills the first slot and stands behind its own name (the reference swaps them)."""
_PUBLISHERS = (
    Publisher(
        _classified(
            "sst-2",
            ("terrible", "great"),
            "Review: {sentence_1}\nSentiment:",
            "Stanford Sentiment Treebank, sentences as in GLUE; the test is its dev.tsv",
        ),
        layouts.sst2,
        ["train.tsv"],
        ["dev.tsv"],
    ),
    Publisher(
        _classified(
            "subj",
            ("subjective", "objective"),
            "Sentence: {sentence_1}\nViewpoint:",
            "subjectivity data set 1.0 of Pang and Lee",
        ),
        layouts.subj,
        [],
        [],
        whole=["quote.tok.gt9.5000"],
        more=["plot.tok.gt9.5000"],
    ),
    Publisher(
        _classified(
            "agnews",
            ("World", "Sports", "Business", "Tech"),
            "Article: {sentence_1}\nAnswer:",
            "AG's News, 4 classes, of Zhang, Zhao and LeCun",
        ),
        layouts.agnews,
        ["train.csv"],
        ["test.csv"],
    ),
    Publisher(
        Task(
            "snli",
            "classification",
            ("Yes", "Unknown", "No"),
            _NLI_BLOCK,
            ("sentence_1", "sentence_2"),
            origin="SNLI 1.0",
            licence="CC BY-SA 4.0",
        ),
        layouts.snli,
        ["snli_1.0_train.jsonl"],
        ["snli_1.0_test.jsonl"],
    ),
    Publisher(
        _classified(
            "yelp-5",
            _STARS,
            "Sentence: {sentence_1}\nSentiment:",
            "Yelp reviews, 5 stars, of Zhang, Zhao and LeCun, or the Yelp data set",
        ),
        layouts.yelp,
        ["train.csv", "train.jsonl"],
        ["test.csv", "test.jsonl"],
        whole=["yelp_academic_dataset_review.json"],
    ),
    Publisher(
        Task(
            "piqa",
            "choice",
            ("A", "B"),
            "Question: {question_1}\nOptions: A) {option_1} B) {option_2}\nAnswer:",
            ("question_1", "option_1", "option_2"),
            origin="PIQA; the test is its valid.jsonl",
            licence=_TERMS,
        ),
        layouts.piqa,
        ["train.jsonl"],
        ["valid.jsonl"],
    ),
    Publisher(
        Task(
            "gsm8k",
            "reasoning",
            (),
            "Question: {sentence_1}\nAnswer: Let's think step by step.",
            joint="\n",
            origin="GSM8K of Cobbe and others",
            licence="MIT",
        ),
        layouts.gsm8k,
        ["train.jsonl"],
        ["test.jsonl"],
    ),
)
PUBLISHERS: Mapping[str, Publisher] = {one.task.name: one for one in _PUBLISHERS}
"""The data sets by name."""
