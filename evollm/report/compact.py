"""The compact display of a run, for a notebook: what it found and spent, and a small curve."""

from evollm.report.curves import convergence
from evollm.report.page import Report, Section
from evollm.report.sections import faults, found, made, spent, units_of
from evollm.store import queries
from evollm.store.record import Record


def compact(record: Record) -> Report:
    """Return a short report of a run."""
    course = Section("", curves=convergence(record, units_of(record)["fitness"]))
    parts = [found(record), course, spent(record, queries.usage(record)), made(record)]
    return Report(record.get("system") or "Search", [*parts, faults(record)])
