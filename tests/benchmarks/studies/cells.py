"""Cells: the finished runs of a table, one JSON object a line; a command fills in the rest."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

RESULTS = Path(__file__).parents[1] / "results"
Cell: TypeAlias = Mapping[str, Any]
"""What was run, by name: method, problem, seed, budget."""


class Cells:
    """The finished cells of one table, in ``results/NAME/``, a file for each value of one key.

    Args:
        name: The table's.
        by: Which key of a cell names its file.
    """

    def __init__(self, name: str, by: str) -> None:
        self.folder = RESULTS / name
        self._by = by
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Any]] = {}
        for file in sorted(self.folder.glob("*.jsonl")):
            for line in file.read_text().splitlines():
                row = json.loads(line)
                self._known[_key(row["cell"])] = row

    def get(self, cell: Cell) -> dict[str, Any] | None:
        """Return what a cell came to, or None if it was never run."""
        row = self._known.get(_key(cell))
        return None if row is None else row["found"]

    def put(self, cell: Cell, found: Mapping[str, Any]) -> None:
        """Write down what a cell came to."""
        row = {"cell": dict(cell), "found": dict(found)}
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / f"{cell[self._by]}.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
            self._known[_key(cell)] = row

    def fill(
        self, cells: Sequence[Cell], measure: Callable[[Cell], Mapping[str, Any]], workers: int = 1
    ) -> None:
        """Run the cells that are missing, some at a time, and say which."""
        missing = [cell for cell in cells if self.get(cell) is None]

        def work(numbered: tuple[int, Cell]) -> None:
            number, cell = numbered
            self.put(cell, measure(cell))
            print(f"[{number}/{len(missing)}] {_words(cell)}", flush=True)

        with ThreadPoolExecutor(workers) as pool:
            try:
                list(pool.map(work, enumerate(missing, 1)))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def rows(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """Yield those of the cells that are finished, with what they came to."""
        for cell in cells:
            if (found := self.get(cell)) is not None:
                yield cell, found


def _key(cell: Cell) -> str:
    return json.dumps(cell, sort_keys=True)


def _words(cell: Cell) -> str:
    return ", ".join(f"{name} {value}" for name, value in cell.items())
