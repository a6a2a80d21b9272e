"""Files of records: JSON lines and separated values, each record with the line that it is on."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evollm.errors import EvollmError


class Record(NamedTuple):
    """One record.

    Attributes:
        line: The line of the file that it begins on, counted from 1.
        cells: What it holds, by column.
    """

    line: int
    cells: Mapping[str, Any]


class Row(NamedTuple):
    """One row of a table, without the names of its columns.

    Attributes:
        line: The line of the file that it begins on, counted from 1.
        cells: Its cells.
    """

    line: int
    cells: tuple[str, ...]


def read_text(path: str | Path, encoding: str = "utf-8-sig") -> str:
    """Return a file's text.

    Raises:
        EvollmError: If it cannot be read, or is not text in this encoding.
    """
    try:
        raw = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise EvollmError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        name = encoding.removesuffix("-sig").upper()
        raise EvollmError(f"line {line} of {path} is not {name}: save the file as {name}") from None
    if "\0" in text:
        raise EvollmError(f"{path} holds bytes that are not text: save it as text in UTF-8")
    return text


def json_lines(path: str | Path) -> Iterator[Record]:
    """Yield the objects of a JSON lines file; blank lines are passed over.

    Raises:
        EvollmError: If the file cannot be read, or a line is not a JSON object.
    """
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            why = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            raise EvollmError(f"line {number} of {path} is not JSON: {why}") from None
        if not isinstance(value, dict):
            raise EvollmError(
                f'line {number} of {path} is not a JSON object: write {{"text": ..., "label": ...}}'
            )
        yield Record(number, value)


def table_rows(
    path: str | Path,
    separator: str = ",",
    *,
    quoted: bool = True,
    encoding: str = "utf-8-sig",
) -> list[Row]:
    """Return the rows of a file of separated values, all of one length; blank lines are left out.

    Args:
        path: The file.
        separator: What stands between cells.
        quoted: Whether cells may be in double quotes; else a quote is a character like others.
        encoding: Its encoding.

    Raises:
        EvollmError: If the file cannot be read or is not such a table.
    """
    text = io.StringIO(read_text(path, encoding), newline="")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=separator, quoting=quoting, strict=True)
    rows: list[Row] = []
    line = 1
    try:
        for cells in reader:
            if cells and rows and len(cells) != len(rows[0].cells):
                raise EvollmError(
                    f"line {line} of {path} has {len(cells)} cells and the first row "
                    f"{len(rows[0].cells)}: put cells that hold {separator!r} in double quotes"
                )
            if cells:
                rows.append(Row(line, tuple(cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise EvollmError(
            f"line {reader.line_num} of {path} is not a table of separated values: {error}"
        ) from None
    return rows


def named(rows: Sequence[Row]) -> Iterator[Record]:
    """Yield rows with their columns by name; the first row is the header."""
    for row in rows[1:]:
        yield Record(row.line, dict(zip(rows[0].cells, row.cells, strict=True)))
