"""Cells: the finished runs of a study, one JSON object per line."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from evollm.errors import EvollmError
from evollm.types import JSON

Cell: TypeAlias = Mapping[str, Any]
"""A cell's values on the axes of its study: problem, method, seed, budget."""

Found: TypeAlias = Mapping[str, JSON]
"""The results of a cell, by name."""


class Row(NamedTuple):
    """A finished cell.

    Attributes:
        cell: What was run.
        found: Its results.
    """

    cell: Cell
    found: Mapping[str, Any]


class Cells:
    """The finished cells in a folder, with one file per value of an axis.

    A cell without a ``version`` has version 1.

    Args:
        folder: The folder; it is created when the first cell is written.
        by: The axis whose values name the files.

    Raises:
        EvollmError: If a line can't be read.
    """

    def __init__(self, folder: Path, by: str) -> None:
        self._folder = folder
        self._by = by
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Any]] = {}
        for file in sorted(folder.glob("*.jsonl")):
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                try:
                    row = json.loads(line)
                    self._known[_key(row["cell"])] = row["found"]
                except (ValueError, KeyError, TypeError):
                    raise EvollmError(
                        f"line {number} of {file} is not a finished cell: delete the line to run "
                        "the cell again"
                    ) from None

    def get(self, cell: Cell, version: int = 1) -> Mapping[str, Any] | None:
        """Return the results of a cell, or None if it was not run in this version."""
        return self._known.get(_key(_named(cell, version)))

    def put(self, cell: Cell, found: Found, version: int = 1) -> None:
        """Append the results of a cell."""
        row = {"cell": _named(cell, version), "found": dict(found)}
        line = (json.dumps(row) + "\n").encode()
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._folder / f"{cell[self._by]}.jsonl"
            with file.open(
                "ab", buffering=0
            ) as out:  # a single write, so that a kill leaves no partial line
                out.write(line)
            self._known[_key(row["cell"])] = row["found"]


def _named(cell: Cell, version: int) -> dict[str, Any]:
    return {**cell, "version": version} if version > 1 else dict(cell)


def _key(cell: Cell) -> str:
    return json.dumps(cell, sort_keys=True)
