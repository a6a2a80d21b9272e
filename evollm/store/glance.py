"""Glances: what run directories contain, in a line each."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from evollm.errors import EvollmError
from evollm.paths import anchored
from evollm.runtime.budget import Usage
from evollm.store import queries, rows
from evollm.store.folder import held
from evollm.store.record import FILE, Record
from evollm.units import Units, from_json

State: TypeAlias = Literal["running", "finished", "interrupted", "failed", "killed"]


@dataclass(frozen=True, slots=True)
class Glance:
    """A run in short.

    Attributes:
        path: The run directory.
        problem: The command's problem, if it was started by the command line, and what was solved.
        state: ``running`` if a process is writing to it; otherwise how it stopped last, which is
            ``killed`` if its process died without recording that.
        best: The best fitness; None if nothing was evaluated.
        units: Its units.
        usage: What the run has spent.
        started: When it was started, in seconds since 1970; None if that is not on record.
    """

    path: Path
    problem: str
    state: State
    best: float | None
    units: Units
    usage: Usage
    started: float | None


def glance(path: Path) -> Glance:
    """Read a run in short.

    Raises:
        EvollmError: If it can't be read.
    """
    with Record(path, write=False) as record:
        found = rows.events(record)
        best = queries.best(record)
        try:
            return Glance(
                path,
                problem(record),
                _state(path, *(found[-1][1:] if found else ("", ""))),
                best[1] if best else None,
                from_json(record.get("units", {})).get("fitness", Units()),
                queries.usage(record),
                float(found[0][0]) if found else None,
            )
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise record.damaged(error) from None


def problem(record: Record) -> str:
    """Return the name of what a run solves, after the command line's name for it if it has one."""
    command = (record.get("config") or {}).get("problem")
    name = (record.get("problem") or ["unknown"])[0]
    return f"{command}: {name}" if command else str(name)


def _state(path: Path, kind: str, detail: str) -> State:
    if held(path):
        return "running"
    if kind != "stop":
        return "killed"
    if detail.startswith("failed: "):
        return "failed"
    return "interrupted" if detail in ("interrupted", "abandoned before its end") else "finished"


def directories(folder: Path) -> Iterator[Path]:
    """Yield the run directories among a folder and those below it, sorted by name.

    Links to folders and hidden folders are not followed, nor those that may not be read.

    Raises:
        EvollmError: If there is no such folder.
    """
    place = anchored(folder)
    if not place.is_dir():
        raise EvollmError(f"there is no folder {folder}: name one that contains run directories")
    for found, inner, files in os.walk(place):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if FILE in files:
            yield Path(found)
