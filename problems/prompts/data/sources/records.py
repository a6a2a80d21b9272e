"""Files of records: JSON lines and separated values, each record with the line that it is on."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

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
    with _opened(path) as file:
        return _decoded(file.read(), encoding, path, 1)


def text_lines(path: str | Path, encoding: str = "utf-8-sig") -> Iterator[str]:
    """Yield the lines of a file with their ends, without reading it whole.

    Raises:
        EvollmError: If it cannot be read, or a line is not text in this encoding.
    """
    with _opened(path) as file:
        for number, raw in enumerate(file, 1):
            # Only the first line can begin with a byte order mark.
            name = encoding if number == 1 else encoding.removesuffix("-sig")
            yield _decoded(raw, name, path, number)


def json_lines(path: str | Path) -> Iterator[Record]:
    """Yield the objects of a JSON lines file; blank lines are passed over.

    Raises:
        EvollmError: If the file cannot be read, or a line is not a JSON object.
    """
    for number, line in enumerate(text_lines(path), 1):
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
) -> Iterator[Row]:
    """Yield the rows of a file of separated values, all of one length; blank lines are left out.

    Args:
        path: The file.
        separator: What stands between cells.
        quoted: Whether cells may be in double quotes; else a quote is a character like others.
        encoding: Its encoding.

    Raises:
        EvollmError: If the file cannot be read or is not such a table.
    """
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    lines = text_lines(path, encoding)
    reader = csv.reader(lines, delimiter=separator, quoting=quoting, strict=True)
    line, width = 1, 0
    try:
        for cells in reader:
            width = width or len(cells)
            if cells and len(cells) != width:
                raise EvollmError(
                    f"line {line} of {path} has {len(cells)} cells and the first row {width}: put "
                    f"cells that hold {separator!r} in double quotes"
                )
            if cells:
                yield Row(line, tuple(cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise EvollmError(
            f"line {reader.line_num} of {path} is not a table of separated values: {error}"
        ) from None


def named(rows: Iterable[Row], header: Sequence[str] | None = None) -> Iterator[Record]:
    """Yield rows with their columns by name.

    Args:
        rows: The rows.
        header: The names; None if the first row holds them.
    """
    rows = iter(rows)
    names = header or next(rows, Row(1, ())).cells
    for row in rows:
        yield Record(row.line, dict(zip(names, row.cells, strict=True)))


def _opened(path: str | Path) -> BinaryIO:
    try:
        return Path(path).expanduser().open("rb")
    except OSError as error:
        raise EvollmError(f"{path} cannot be read: {error.strerror or error}") from None


def _decoded(raw: bytes, encoding: str, path: str | Path, line: int) -> str:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line += raw.count(b"\n", 0, error.start)
        name = encoding.removesuffix("-sig").upper()
        raise EvollmError(f"line {line} of {path} is not {name}: save the file as {name}") from None
    if "\0" in text:
        raise EvollmError(f"{path} holds bytes that are not text: save it as text in UTF-8")
    return text
