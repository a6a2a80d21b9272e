"""Runs that are cut: scripts to kill, callbacks that break, and what a record then holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from evollm import Individual
from evollm.store.codec import encode
from evollm.store.record import Record

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from evollm import Budget, Processes, Serial, run
from tests.evollm.support_parts import digest
from tests.evollm.algorithms.regimes import REGIMES, problem

name, where, path, tally = sys.argv[1:]
executor = {"serial": Serial(), "processes": Processes(2)}[where]
found = run(REGIMES[name](9), problem(name, tally, 0.002), budget=Budget(evaluations=150),
            executor=executor, path=path)
print(digest(found))
"""


class Cut(Exception):
    """The power fails."""


def cut_after(n: int) -> Callable[[Any, Individual[Any]], None]:
    seen: list[Individual[Any]] = []

    def callback(under_way: Any, individual: Individual[Any]) -> None:
        seen.append(individual)
        if len(seen) == n:
            raise Cut

    return callback


def outcomes(path: Path) -> list[tuple[Any, ...]]:
    with Record(path, write=False) as record:
        return record.rows(
            "SELECT o.job, place, candidate, fitness, metrics, error, info, genome"
            " FROM outcomes o JOIN candidates c ON c.id = o.candidate ORDER BY o.job, place"
        )


def stored(genome: str) -> bytes:
    """Return what the record keeps of a tallied genome."""
    found = encode(np.frombuffer(bytes.fromhex(genome)))
    assert isinstance(found, bytes)
    return found
