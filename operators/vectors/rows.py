"""Vectors as rows of integers, for prompts and for reading answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.checks import at_least
from evollm.errors import EvollmError

Vector: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Reading: TypeAlias = Literal["strict", "lenient", "failed"]
NUMBER = re.compile(r"-?\d+", re.ASCII)
STRICT = re.compile(r"\s*-?\d+(\s*,\s*-?\d+)*\s*[,;.]?\s*", re.ASCII)
DECIMAL = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
DECIMALS = re.compile(rf"\s*{DECIMAL.pattern}(\s*,\s*{DECIMAL.pattern})*\s*[,;.]?\s*", re.ASCII)
DIGITS = 18
LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How rows are written.

    The settings are ours, because the paper's were not available to us.

    Attributes:
        resolution: Number of steps of the unit interval; integers are 0 to ``resolution``.
        loss: What is printed before a row: ``raw`` for the loss in four digits, ``scaled`` for an
            integer from 0 to 1000 over the range of the shown rows, ``rank`` with 1 for the best,
            or ``none``. The loss is minus the fitness; that of a point that violates
            constraints is the largest loss shown plus its violation.
        delta: How far below the best loss the queried loss is, in ranges of the shown losses; None
            for a query without a loss.
        header: Whether two sentences explain the rows, which chat models need.
    """

    resolution: int = 1000
    loss: Literal["raw", "scaled", "rank", "none"] = "raw"
    delta: float | None = 0.1
    header: bool = False

    words: ClassVar[str] = "integers"
    number: ClassVar[re.Pattern[str]] = NUMBER
    strict: ClassVar[re.Pattern[str]] = STRICT

    def __post_init__(self) -> None:
        at_least(1, self, "resolution")

    @property
    def width(self) -> int:
        """Maximum number of characters of a number."""
        return max(len(self.show(0)), len(self.show(self.resolution)))

    def show(self, integer: int) -> str:
        """Return an integer as text."""
        return str(integer)

    def take(self, text: str) -> int:
        """Return the integer that a text stands for, which may be out of range."""
        return _number(text)

    def grammar(self, columns: int) -> str:
        """Return a GBNF grammar of this many numbers."""
        return grammar(columns, self.width)


@dataclass(frozen=True, slots=True)
class Decimals(RowFormat):
    """Rows of decimal numbers in the units of a box, as an ablation of the integers.

    Attributes:
        low: Number that stands for 0 in the unit interval.
        high: Number that stands for 1.
        places: Digits after the point.
    """

    low: float = 0.0
    high: float = 1.0
    places: int = 3

    words: ClassVar[str] = "decimal numbers"
    number: ClassVar[re.Pattern[str]] = DECIMAL
    strict: ClassVar[re.Pattern[str]] = DECIMALS

    def __post_init__(self) -> None:
        RowFormat.__post_init__(self)
        ends = isfinite(self.low) and isfinite(self.high) and self.low < self.high
        if not ends or self.places < 1:
            raise EvollmError(
                "decimals need a finite low end below the high one and at least 1 place, not "
                f"{self.low} to {self.high} with {self.places}"
            )

    def show(self, integer: int) -> str:
        """Return an integer as a decimal number."""
        value = self.low + (self.high - self.low) * integer / self.resolution
        return f"{value:.{self.places}f}"

    def take(self, text: str) -> int:
        """Return the integer nearest to a decimal number; far out of range, the next outside."""
        place = (float(text) - self.low) / (self.high - self.low)
        return floor(min(max(place, -1.0), 2.0) * self.resolution + 0.5)

    def grammar(self, columns: int) -> str:
        """Return a GBNF grammar of this many decimal numbers with all places."""
        whole = len(f"{max(abs(self.low), abs(self.high)):.0f}")
        digits = " ".join(["[0-9]", *["[0-9]?"] * (whole - 1), '"."', *["[0-9]"] * self.places])
        more = ' "," number' * (columns - 1)
        return f'root ::= number{more}\nnumber ::= "-"? {digits}\n'


@dataclass(frozen=True, slots=True)
class Answer:
    """The row in a model's answer.

    Attributes:
        integers: The row within 0 to the resolution; None if it can't be read.
        reading: ``strict`` for integers and commas only, ``lenient`` if other text had to be
            skipped.
        clips: Number of integers that were out of range and moved to its end.
    """

    integers: Integers | None
    reading: Reading
    clips: int = 0


def encode(u: Vector, resolution: int) -> Integers:
    """Return points in the unit cube as integers 0 to ``resolution``, rounded to the nearest."""
    return np.clip(np.floor(u * resolution + 0.5), 0, resolution).astype(np.int64)


def decode(integers: Integers, resolution: int) -> Vector:
    """Return the points in the unit cube that integers stand for."""
    return integers / resolution


def write(
    rows: Integers, fitness: Sequence[float], sections: Sequence[int], form: RowFormat
) -> str:
    """Return the prompt: rows in the order given, a blank line between sections, and the open row.

    Args:
        rows: Shape ``(rows, columns)``, the least fit first.
        fitness: One finite number per row.
        sections: Number of rows per section.
        form: The format.
    """
    texts, query = _losses(fitness, form)
    lines = [text + ",".join(map(form.show, row)) for text, row in zip(texts, rows, strict=True)]
    ends = np.cumsum(sections)
    blocks = ["\n".join(lines[end - size : end]) for end, size in zip(ends, sections, strict=True)]
    body = "\n\n".join(blocks) + "\n" + query
    return f"{_header(rows.shape[1], form)}\n\n{body}" if form.header else body


def read(text: str, columns: int, form: RowFormat, allow_prefix: bool = False) -> Answer:
    """Read the first non-empty line of an answer.

    Args:
        text: The model's answer, which is untrusted and may be any text.
        columns: Required number of integers.
        form: Format of the prompt.
        allow_prefix: Whether the beginning of a longer row is used; otherwise it is rejected.
    """
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if form.header:
        line = line.rpartition(":")[2]
    found = form.number.findall(line)
    strict = len(found) == columns and form.strict.fullmatch(line) is not None
    if not strict and not (len(found) == columns or (allow_prefix and len(found) > columns)):
        return Answer(None, "failed")
    values = [form.take(digits) for digits in found[:columns]]
    integers = np.clip(np.array(values, dtype=np.int64), 0, form.resolution)
    clips = int(np.count_nonzero(integers != values))
    return Answer(integers, "strict" if strict else "lenient", clips)


def grammar(columns: int, digits: int, exact: bool = False) -> str:
    """Return a GBNF grammar of integers with up to, or exactly, a number of digits."""
    number = " ".join(["[0-9]"] + ["[0-9]" if exact else "[0-9]?"] * (digits - 1))
    more = ' "," number' * (columns - 1)
    return f"root ::= number{more}\nnumber ::= {number}\n"


def query_loss(losses: Vector, delta: float) -> float:
    """Return the queried loss: ``delta`` times the shown range below the best shown."""
    best = float(losses.min())
    return best - delta * max(float(losses.max()) - best, 1e-8 * (1 + abs(best)))


def _losses(fitness: Sequence[float], form: RowFormat) -> tuple[list[str], str]:
    """Return the text before each row including the colon, and that of the open row."""
    losses = np.clip(0.0 - np.asarray(fitness, dtype=np.float64), -LARGEST, LARGEST)
    if form.loss == "none":
        return [""] * len(losses), ""
    if form.loss == "raw":
        texts = [f"{loss:.4g}" for loss in losses]
        query = "" if form.delta is None else f"{query_loss(losses, form.delta):.4g}"
    elif form.loss == "rank":
        texts = [str(1 + int(np.count_nonzero(losses < loss))) for loss in losses]
        query = "" if form.delta is None else "0"
    else:
        shift = 0 if form.delta is None else round(1000 * form.delta)
        span = max(float(losses.max() - losses.min()), 1e-300)
        texts = [str(shift + round(1000 * float(loss - losses.min()) / span)) for loss in losses]
        query = "" if form.delta is None else "0"
    return [f"{text}:" for text in texts], f"{query}:"


def _header(columns: int, form: RowFormat) -> str:
    what = "a vector" if form.loss == "none" else "a loss, a colon and a vector"
    return (
        f"Each line is {what} of {columns} {form.words} from {form.show(0)} to "
        f"{form.show(form.resolution)}, best last; a lower loss is better. "
        f"Answer with the {columns} {form.words} of the last line only."
    )


def _number(digits: str) -> int:
    """Return the integer; with very many digits, -1 or a number above any resolution."""
    return int(digits) if len(digits) <= DIGITS else (-1 if digits[0] == "-" else 10**DIGITS)
