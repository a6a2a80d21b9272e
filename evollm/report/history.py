"""The history of a run: where it is, how it was configured, when it was started and stopped."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from evollm.paths import brief
from evollm.report.page import Report, Section, Table
from evollm.report.sections import overview
from evollm.store import rows
from evollm.store.folder import held
from evollm.store.record import Record
from evollm.types import JSON


def page(record: Record) -> Report:
    """Return all that a page of a run shows: its overview, then its history."""
    found = overview(record)
    title = f"{found.title}: {record.path.name}" if record.path else found.title
    return Report(title, [*found.sections, history(record)])


@contextmanager
def readable(record: Record) -> Iterator[None]:
    """Turn what invalid rows cause within the block into an error of one sentence.

    Raises:
        EvollmError: If the record is damaged.
    """
    try:
        yield
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise record.damaged(f"{type(error).__name__}: {error}") from error


def history(record: Record) -> Section:
    """Return a run's folder, versions, events and configuration."""
    events = [[_time(at), kind, detail] for at, kind, detail in rows.events(record)]
    settings = [[name, value] for name, value in _settings(record.get("config", {}))]
    tables = [
        Table(("time", "event", "details"), events, "Events"),
        Table(("setting", "value"), settings, "Configuration"),
    ]
    return Section("Run", origin(record), tables=[one for one in tables if one.rows])


def origin(record: Record) -> dict[str, str]:
    """Return a run's folder, and the versions that it was made by."""
    versions = record.get("versions", {})
    return {
        "folder": str(record.path),
        "made by": f"evollm {versions.get('evollm')}, Python {versions.get('python')}",
    }


def state(record: Record) -> str:
    """Return in one sentence whether the run goes on, and if not, why it ended."""
    events = rows.events(record)
    writing = record.path is not None and held(record.path)
    if events and events[-1][1] == "stop":
        scoring = " Its finalists are being scored." if writing else ""
        return f"The run ended on {_time(events[-1][0])}: {events[-1][2]}.{scoring}"
    if writing:
        return "The run goes on."
    where = brief(record.path) if record.path else "its folder"
    return f"The run was broken off: the same call, or evollm resume {where}, continues it."


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _settings(config: Mapping[str, JSON], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield each setting that has a value, those of a part after its name."""
    for name, value in config.items():
        if isinstance(value, dict) and value:
            yield from _settings(value, f"{before}{name}.")
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{before}{name}", text
