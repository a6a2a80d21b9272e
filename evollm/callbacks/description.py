"""Descriptions: what a tracker is told about a run at its beginning and at its end."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from evollm.executors.environment import secret
from evollm.report.sections import described, overview, units_of
from evollm.runtime.budget import Budget
from evollm.runtime.driver import Run
from evollm.store import queries
from evollm.store.record import Record

_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a tracker is told when a run begins or continues.

    Attributes:
        system: Name of the system, or of the problem if there is none.
        parameters: The recorded configuration as text by dotted names; values whose names are those
            of secrets are hidden.
        labels: The name and unit of the user's value, the version, and the limits of the budget;
            they may change when a run continues.
    """

    system: str
    parameters: Mapping[str, str]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ending:
    """What a tracker is told when a run ends.

    Attributes:
        stopped: Why it ended.
        state: ``finished``, ``interrupted`` or ``failed``.
        best: The best candidate in one line; empty if nothing was evaluated.
        value: Its value in the user's units; None if nothing was evaluated.
        report: The report as text.
    """

    stopped: str
    state: str
    best: str
    value: float | None
    report: str


def beginning(run: Run) -> Beginning:
    """Return what a tracker is told about a run that begins."""
    record, units = run.record, units_of(run.record)["fitness"]
    problem = (record.get("problem") or [""])[0]
    limits = [(one.name, getattr(run.budget, one.name)) for one in fields(Budget)]
    labels = {"value": units.name, "unit": units.unit, "problem": problem}
    labels["version"] = str((record.get("versions") or {}).get("evollm"))
    labels |= {f"budget.{name}": f"{limit:g}" for name, limit in limits if limit is not None}
    return Beginning(
        record.get("system") or problem or "search",
        dict(_flat(record.get("config") or {})),
        {name: said for name, said in labels.items() if said},
    )


def ending(run: Run) -> Ending:
    """Return what a tracker is told about a run that has ended."""
    best = queries.best(run.record)
    failed = run.stopped.startswith("failed:")
    state = "interrupted" if run.stopped == "interrupted" else "failed" if failed else "finished"
    line, value = _best(run.record, best) if best else ("", None)
    return Ending(run.stopped, state, line, value, overview(run.record).text())


def _best(record: Record, best: tuple[int, float]) -> tuple[str, float]:
    units = units_of(record)["fitness"]
    return described(record, *best, units), units.value(best[1])


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of nested settings as text, with dotted names; unset ones are left out."""
    for name, value in settings.items():
        place = f"{prefix}{name}"
        if secret(str(name)):
            yield place, _HIDDEN
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{place}.")
        elif isinstance(value, list) and any(isinstance(part, Mapping | list) for part in value):
            yield from _flat({str(i): part for i, part in enumerate(value)}, f"{place}.")
        elif value is not None:
            yield place, value if isinstance(value, str) else json.dumps(value)
