"""Tracks: what a run had found and spent by each evaluation."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.paths import brief
from evollm.report.curves import best_so_far
from evollm.report.sections import units_of
from evollm.store import glance, spending
from evollm.store.record import Record
from evollm.store.spending import Spent
from evollm.units import Units


@dataclass(frozen=True, slots=True)
class Track:
    """One run, evaluation by evaluation.

    Attributes:
        name: Its folder, for messages.
        title: Name of what it solves.
        problem: The problem with its parameters, by name.
        units: Units of the fitness.
        seed: Its seed; None if that is not on record.
        setting: The configuration without the seed and the limits, by the path of the key.
        best: The best fitness after each evaluation, shape (n,).
        spent: What models had cost by each evaluation.
        seconds: Working time of the whole run.
    """

    name: str
    title: str
    problem: Mapping[str, str]
    units: Units
    seed: int | None
    setting: Mapping[str, str]
    best: NDArray[np.float64]
    spent: list[Spent]
    seconds: float

    def __len__(self) -> int:
        return len(self.best)


def track(path: Path) -> Track:
    """Read a run.

    Raises:
        EvollmError: If it can't be read.
    """
    with Record(path, write=False) as record:
        config = record.get("config") or {}
        try:
            return Track(
                brief(path),
                glance.problem(record),
                dict(_flat("", record.get("problem"))),
                units_of(record)["fitness"],
                config.get("run", config).get("seed"),
                _setting(record, config),
                best_so_far(record),
                spending.spending(record),
                record.get("seconds", 0.0),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise record.damaged(error) from None


def _setting(record: Record, config: Mapping[str, Any]) -> dict[str, str]:
    """Return how a run searched: its configuration, and for Python code what that may not say."""
    found = {
        name: value
        for name, value in _flat("", config)
        if name not in ("seed", "run.seed") and not name.startswith("limits.")
    }
    if "problem" not in config and (models := spending.models(record)):
        found["model"] = ", ".join(models)
    if not found.keys() - {"model"}:
        found["operators"] = ", ".join(spending.operators(record))
    return found


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the entries of nested settings as text, by path."""
    if isinstance(value, Mapping):
        for key, held in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), held)
    elif isinstance(value, list):
        for place, held in enumerate(value):
            yield from _flat(f"{name}.{place}" if name else str(place), held)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value).replace("null", "none")
