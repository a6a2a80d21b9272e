"""Sheets: the user's CSV files, with separators, marks of missing values, and types of columns."""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError
from problems.trees.data.archives import Sheet

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MISSING = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None")
DASHES = ("-", "--", "—", "–")  # noqa: RUF001
"""Marks of missing values in columns of numbers; elsewhere a dash may be the opposite of a plus."""
FEW = 10
"""Maximum number of distinct numbers in a column of text that is treated as categories."""
_SAMPLE = 200
_FORM: dict[str, Any] = {"skipinitialspace": True, "strict": True}
_TRUTH = {"true": True, "false": False}
_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?")
_UNNAMED = re.compile(r"(Unnamed: \d+)?")  # as pandas writes and reads it


@dataclass(frozen=True, slots=True)
class Reading:
    """How the cells of a file are read.

    Attributes:
        separator: The separator of cells; None to detect it.
        missing: Texts that mark a missing value in any column, in addition to empty cells; None for
            ``MISSING`` and, in columns of numbers, ``DASHES``.
        categorical: Columns whose cells are names, even if they look like numbers.
        numeric: Columns that must hold numbers.
    """

    separator: str | None = None
    missing: Collection[str] | None = None
    categorical: Collection[str] = ()
    numeric: Collection[str] = ()


def read_columns(
    path: str | Path, reading: Reading
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return the columns of a CSV file by name, and notes on how they were read.

    A column of numbers contains floats with NaN for missing values; other columns contain strings
    or booleans with None. A first column without a name is treated as an index and omitted.

    Raises:
        EvollmError: If the file can't be read or is not a table, or a column is not of the type
            given in ``reading``.
    """
    separator, sheet = _sheet(path, reading.separator)
    for name in [*reading.categorical, *reading.numeric]:
        if name not in sheet.header:
            raise EvollmError(f"{path} has no column {name!r}{nearest(name, sheet.header)}")
        if name in reading.categorical and name in reading.numeric:
            raise EvollmError(f"column {name!r} is in both categorical and numeric: choose one")
    notes = [f"cells separated by {SEPARATORS.get(separator, repr(separator))}"]
    found = {}
    for place, name in enumerate(sheet.header):
        texts = [row[place] for row in sheet.rows]
        if _UNNAMED.fullmatch(name):
            notes.append(_left_out(path, place, texts))
            continue
        found[name], more = _Column(name, separator, reading).read(texts)
        notes += more
    if len(found) < 2:
        raise EvollmError(
            f"{path} has only one column, {', '.join(found) or 'without a name'}: give the target "
            "and another one, or the separator"
        )
    return found, tuple(notes)


def _sheet(path: str | Path, separator: str | None) -> tuple[str, Sheet]:
    """Return the separator and the cells as text without surrounding white space."""
    text = _text(path)
    separator = _separator(path, text) if separator is None else _one(separator)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, **_FORM)
    rows: list[tuple[str, ...]] = []
    try:
        for row in reader:
            cells = tuple(cell.strip() for cell in row)
            if cells in ((), ("",)):  # a blank line
                continue
            if rows and len(cells) != len(rows[0]):
                raise EvollmError(
                    f"line {reader.line_num} of {path} has {len(cells)} cells and the header "
                    f"{len(rows[0])}: put cells that contain {separator!r} in quotes, or give the "
                    "separator"
                )
            rows.append(cells)
    except csv.Error as error:
        raise EvollmError(f"line {reader.line_num} of {path} is not CSV: {error}") from None
    if len(rows) < 2:
        what = "a header but no rows" if rows else "no content"
        raise EvollmError(f"{path} has {what}: write a header, and one row per line below it")
    for name, count in Counter(rows[0]).items():
        if count > 1 and not _UNNAMED.fullmatch(name):
            raise EvollmError(f"{path} has {count} columns called {name!r}: rename one")
    return separator, Sheet(rows[0], tuple(rows[1:]))


def _text(path: str | Path) -> str:
    try:
        raw = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise EvollmError(f"{path} can't be read: {error.strerror or error}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise EvollmError(f"line {line} of {path} is not UTF-8: save the file as UTF-8") from None
    if "\0" in text:
        raise EvollmError(f"{path} contains bytes that are not text: save it as CSV in UTF-8")
    return text


def _one(separator: str) -> str:
    """Return a separator, which for a tab may be the word."""
    separator = {"tab": "\t", "\\t": "\t"}.get(separator, separator)
    if len(separator) != 1 or separator in '"\r\n':
        raise EvollmError(f"separator must be one character, or tab, not {separator!r}")
    return separator


def _separator(path: str | Path, text: str) -> str:
    """Return the separator that splits the first lines into equally many cells, two or more."""
    widths: dict[str, list[int]] = {}
    for separator in SEPARATORS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, **_FORM)
        try:
            widths[separator] = [len(row) for row in islice(reader, _SAMPLE) if row]
        except csv.Error:
            widths[separator] = []
    fit = [one for one, found in widths.items() if len(set(found)) == 1 and found[0] > 1]
    if len(fit) > 1:
        options = " and by ".join(SEPARATORS[one] for one in fit)
        raise EvollmError(f"{path} can be read as separated by {options}: choose one (separator)")
    # If none fits, the header's is used, so that the error names the line that does not fit.
    return fit[0] if fit else max(SEPARATORS, key=lambda one: (widths[one] or [1])[0])


def _left_out(path: str | Path, place: int, texts: Sequence[str]) -> str:
    """Return the note that a column without a name is omitted.

    Raises:
        EvollmError: If the column is neither empty nor an index.
    """
    if not any(texts):
        return f"column {place + 1} has neither a name nor cells, and was omitted"
    if place == 0 and (len(set(texts)) == len(texts) or all(map(str.isdecimal, texts))):
        return "the first column has no name, and was omitted as an index"
    raise EvollmError(f"column {place + 1} of {path} has no name: name it in the header")


@dataclass(frozen=True, slots=True)
class _Column:
    """Reads the cells of one column."""

    name: str
    separator: str
    reading: Reading

    def read(self, texts: Sequence[str]) -> tuple[NDArray[Any], list[str]]:
        """Return the cells and notes on them."""
        given = self.reading.missing
        marks = {"", *(MISSING if given is None else given)}
        if self.name in self.reading.categorical:
            return self._texts(texts, marks)
        wider = marks if given is not None else {*marks, *DASHES}
        present = [text for text in texts if text not in wider]
        values = {text: number for text in present if (number := _number(text)) is not None}
        if all(text in values for text in present):
            return self._numbers(texts, wider, values)
        if all(_COMMA.fullmatch(t) or _THOUSANDS.fullmatch(t) for t in present):
            return self._commas(texts, wider, present)
        odd = next(text for text in present if text not in values)
        if self.name in self.reading.numeric:
            raise EvollmError(
                f"column {self.name!r} contains {odd!r}, which is not a number: correct it, or add "
                "it to the marks of missing values (missing)"
            )
        if len(set(values.values())) > FEW:
            raise EvollmError(
                f"column {self.name!r} contains texts among its numbers, such as {odd!r}: give the "
                "marks of missing values (missing), or treat it as categories (categorical)"
            )
        return self._texts(texts, marks)

    def _numbers(
        self, texts: Sequence[str], marks: Collection[str], values: dict[str, float]
    ) -> tuple[NDArray[Any], list[str]]:
        cells = [np.nan if text in marks else values[text] for text in texts]
        return np.array(cells, dtype=np.float64), self._marked(texts, marks)

    def _commas(
        self, texts: Sequence[str], marks: Collection[str], present: Sequence[str]
    ) -> tuple[NDArray[Any], list[str]]:
        """Read numbers with decimal commas, if a comma can have no other meaning."""
        odd = [text for text in present if "," in text]
        grouped = all(_THOUSANDS.fullmatch(text) for text in odd)
        if self.separator == "," or grouped or not all(_COMMA.fullmatch(t) for t in present):
            raise EvollmError(
                f"column {self.name!r} contains numbers with commas, such as {odd[0]!r}: write "
                "them with a decimal point and without thousands separators"
            )
        values = {text: float(text.replace(",", ".")) for text in present}
        cells, notes = self._numbers(texts, marks, values)
        return cells, [*notes, f"{self.name}: {odd[0]!r} was read as {values[odd[0]]}"]

    def _texts(self, texts: Sequence[str], marks: set[str]) -> tuple[NDArray[Any], list[str]]:
        """Read names, or booleans if all are booleans and the column is not categorical."""
        cells: list[Any] = [None if text in marks else text for text in texts]
        present = {text.lower() for text in cells if text is not None}
        if present <= set(_TRUTH) and self.name not in self.reading.categorical:
            cells = [None if text is None else _TRUTH[text.lower()] for text in cells]
        return np.array(cells, dtype=object), self._marked(texts, marks)

    def _marked(self, texts: Sequence[str], marks: Collection[str]) -> list[str]:
        found = Counter(text for text in texts if text and text in marks)
        return [
            f"{self.name}: {mark!r} was treated as missing in {count} rows"
            for mark, count in found.items()
        ]


def _number(text: str) -> float | None:
    """Return a number in decimal or scientific notation, or infinity."""
    try:
        value = float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None
    return None if value is None or isnan(value) else value
