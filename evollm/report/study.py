"""Studies: a table of runs whose cells are filled in, kept and reported by one command."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.report.cells import Cell, Cells, Found, Row
from evollm.report.plots import plot_methods
from evollm.report.tables import Column, table
from evollm.types import JSON

SEED = "seed"


@dataclass(frozen=True, slots=True)
class Axis:
    """The values of one axis of a study.

    Attributes:
        values: The values in the order of the table.
        quick: The values with ``--quick``; None for all.
        extra: Additional values, which are measured only if an option names them.
        titles: The name of each value in tables and figures.
        versions: The version of each value, 1 unless given here. Increase it after a change in the
            method or problem, so that its cells are run again.
    """

    values: Sequence[Any]
    quick: Sequence[Any] | None = None
    extra: Sequence[Any] = ()
    titles: Mapping[Any, str] = field(default_factory=dict)
    versions: Mapping[Any, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Curve:
    """The curves in a study's figure.

    Attributes:
        name: Name of the result that contains the best values so far.
        label: Name of the values.
        every: Returns the number of evaluations between two values, by cell.
        first: First evaluation to draw.
        shown: Returns whether a cell is drawn.
    """

    name: str
    label: str
    every: Callable[[Cell], int] = lambda cell: 1
    first: int = 1
    shown: Callable[[Cell], bool] = lambda cell: True


@dataclass(frozen=True, slots=True)
class Study:
    """A comparison of methods on several problems over several seeds.

    ``NAME/`` in the folder contains the finished cells, ``NAME.txt`` the table and ``NAME.png`` the
    figure. Finished cells are not run again.

    Attributes:
        name: Name of the study and its files.
        axes: The axes by name, in the order of the table; one of them is ``seed``.
        measure: Runs a cell and returns its results, which are stored as JSON.
        columns: The columns of the table.
        folder: Folder of the results, unless ``--path`` names another one.
        compared: The axis of the methods, which are the lines of the table and of the figure.
        applies: Returns whether a combination of values is a cell.
        curve: The curves of the figure; None for no figure.
        summary: Returns additional text below the table.
        closing: Returns additional entries of the closing line.
        jobs: Default number of cells that run at the same time, each in a thread; None for one at a
            time, without the option ``--jobs``.
        about: The question that the study answers, for ``--help``.
    """

    name: str
    axes: Mapping[str, Axis]
    measure: Callable[[Cell], Found]
    columns: Sequence[Column]
    folder: Path = Path("results")
    compared: str = "method"
    applies: Callable[[Cell], bool] = lambda cell: True
    curve: Curve | None = None
    summary: Callable[[Sequence[Row]], str] | None = None
    closing: Callable[[Sequence[Row]], Mapping[str, JSON]] = lambda rows: {}
    jobs: int | None = 1
    about: str | None = None

    def __post_init__(self) -> None:
        if missing := {SEED, self.compared} - set(self.axes):
            raise EvollmError(
                f"a study needs the axes '{SEED}' and '{self.compared}': add '{min(missing)}' to "
                "its axes"
            )

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Run the study's command: run missing cells, report, and print a closing JSON line.

        Args:
            arguments: Arguments of the command line; None for those of the process.

        Returns:
            The exit status: 0, 1 after an error, 130 if interrupted.
        """
        return self.go(self.parser().parse_args(arguments))

    def parser(self) -> argparse.ArgumentParser:
        """Return the parser, to which a command may add options before it calls ``go``."""
        parser = argparse.ArgumentParser(description=self.about)
        parser.add_argument("--quick", action="store_true", help="run only a few cells")
        parser.add_argument(
            "--report", action="store_true", help="report finished cells without running any"
        )
        if self.jobs is not None:
            text = "number of cells that run at the same time (%(default)s)"
            parser.add_argument("--jobs", type=int, default=self.jobs, help=text)
        text = "folder of the results (%(default)s)"
        parser.add_argument("--path", type=Path, default=self.folder, help=text)
        for name, axis in self.axes.items():
            if name == SEED:
                text = f"seeds from 0 ({len(axis.values)})"
                parser.add_argument("--seeds", type=int, dest=SEED, metavar="N", help=text)
                continue
            known = [*axis.values, *axis.extra]
            kind = type(known[0])
            choices = {"choices": known, "metavar": "NAME"} if kind is str else {"metavar": "N"}
            text = " ".join(map(str, known))
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, type=kind, nargs="+", dest=name, help=text, **choices)
        return parser

    def go(self, said: argparse.Namespace) -> int:
        """Do what ``main`` does with parsed options."""
        try:
            self._answer(said, said.path)
        except EvollmError as error:
            print(f"evollm: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"interrupted; continue with: --path {said.path}", file=sys.stderr)
            return 130
        return 0

    def _answer(self, said: argparse.Namespace, folder: Path) -> None:
        jobs = 1 if self.jobs is None else said.jobs
        positive(jobs=jobs, seeds=said.seed)
        chosen = {name: self._chosen(name, said) for name in self.axes}
        cells = list(self.cells(chosen))
        kept = Cells(folder / self.name, self.compared)
        if not said.report:
            self._fill(kept, cells, jobs)
        pairs = [(c, kept.get(c, self.version(c))) for c in self._ordered(cells, chosen)]
        rows = [Row(cell, found) for cell, found in pairs if found is not None]
        text = self.text(rows)
        print(f"\n{text}\n")
        whole = all(chosen[name] == list(axis.values) for name, axis in self.axes.items())
        if rows and (
            whole or folder != self.folder
        ):  # a partial result does not replace the complete one
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{self.name}.txt").write_text(text + "\n", encoding="utf-8")
            try:
                self._draw(rows, folder / f"{self.name}.png")
            except EvollmError as error:  # the table is useful without a figure
                print(f"no figure: {error}", file=sys.stderr)
        print(json.dumps({"cells": len(rows), "of": len(cells), **self.closing(rows)}))

    def _chosen(self, name: str, said: argparse.Namespace) -> list[Any]:
        """Return the values of an axis that the options select."""
        axis, given = self.axes[name], getattr(said, name)
        if given is not None:
            return list(range(given) if name == SEED else dict.fromkeys(given))
        return list(axis.quick if said.quick and axis.quick is not None else axis.values)

    def cells(self, axes: Mapping[str, Sequence[Any]] | None = None) -> Iterator[Cell]:
        """Yield the cells, all cells of a seed before those of the next.

        Args:
            axes: The values of the axes; None for the study's.
        """
        chosen = axes or {name: axis.values for name, axis in self.axes.items()}
        names = [SEED, *(name for name in chosen if name != SEED)]
        for values in product(*(chosen[name] for name in names)):
            by_name = dict(zip(names, values, strict=True))
            cell = {name: by_name[name] for name in chosen}
            if self.applies(cell):
                yield cell

    def _ordered(self, cells: Sequence[Cell], axes: Mapping[str, Sequence[Any]]) -> list[Cell]:
        """Return cells in the order of the table."""
        names = [*(name for name in axes if name not in (self.compared, SEED)), self.compared, SEED]
        return sorted(cells, key=lambda cell: [axes[name].index(cell[name]) for name in names])

    def version(self, cell: Cell) -> int:
        """Return a cell's version, which increases with the version of each of its values."""
        own = [axis.versions.get(cell[name], 1) for name, axis in self.axes.items()]
        return 1 + sum(own) - len(own)

    def _fill(self, kept: Cells, cells: Sequence[Cell], jobs: int) -> None:
        """Run the missing cells, several at the same time, and print them."""
        missing = [cell for cell in cells if kept.get(cell, self.version(cell)) is None]

        def work(number: int, cell: Cell) -> None:
            words = ", ".join(f"{name} {value}" for name, value in cell.items())
            print(f"[{number}/{len(missing)}] {words}", file=sys.stderr, flush=True)
            kept.put(cell, self.measure(cell), self.version(cell))

        if jobs == 1:  # in this thread, where a run can handle an interrupt
            for number, cell in enumerate(missing, 1):
                work(number, cell)
            return
        with ThreadPoolExecutor(jobs) as pool:
            try:
                list(pool.map(work, range(1, len(missing) + 1), missing))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def text(self, rows: Sequence[Row]) -> str:
        """Return the report: the values common to all rows, the table, and the summary."""
        names = [name for name in self.axes if name not in (self.compared, SEED)]
        same = [name for name in names if len({row.cell[name] for row in rows}) < 2]
        by = [*(name for name in names if name not in same), self.compared]
        titles = {name: axis.titles for name, axis in self.axes.items()}
        parts = [table(rows, by, self.columns, titles)]
        if rows and same:
            parts.insert(0, ", ".join(f"{name} {self._title(name, rows[0])}" for name in same))
        if rows and self.summary is not None:
            parts.append(self.summary(rows))
        return "\n\n".join(parts)

    def _title(self, name: str, row: Row) -> str:
        value = row.cell[name]
        return self.axes[name].titles.get(value, str(value))

    def _draw(self, rows: Sequence[Row], file: Path) -> None:
        """Draw a panel per problem, if the study has a figure."""
        if self.curve is None:
            return
        drawn = [r for r in rows if self.curve.shown(r.cell) and self.curve.name in r.found]
        names = [
            name
            for name in self.axes
            if name not in (self.compared, SEED) and len({row.cell[name] for row in drawn}) > 1
        ]
        panels: dict[str, dict[str, list[NDArray[np.float64]]]] = {}
        for row in drawn:
            panel = panels.setdefault(", ".join(self._title(name, row) for name in names), {})
            values = np.array(row.found[self.curve.name], dtype=np.float64)
            at = np.arange(1, len(values) + 1) * self.curve.every(row.cell)
            points = np.column_stack([at, values])[at >= self.curve.first]
            panel.setdefault(self._title(self.compared, row), []).append(points)
        if panels:
            plot_methods(panels, file, self.curve.label)
