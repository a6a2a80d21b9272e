"""The compact display of a run, for a notebook: what it found and spent, and a small curve."""

from evollm.report.page import Curve, Report, Section
from evollm.report.plots import best_so_far
from evollm.report.sections import faults, found, made, spent, units_of
from evollm.store import queries
from evollm.store.record import Record


def compact(record: Record) -> Report:
    """Return a short report of a run."""
    course = Section("", curves=[progress(record)])
    parts = [found(record), course, spent(record, queries.usage(record)), made(record)]
    return Report(record.get("system") or "Search", [*parts, faults(record)])


def progress(record: Record) -> Curve:
    """Return the best value so far against the number of evaluations, as a staircase."""
    units = units_of(record)["fitness"]
    values = [units.value(best) for best in best_so_far(record).tolist()]
    stairs: list[tuple[float, float]] = []
    for number, value in enumerate(values, 1):
        if stairs and value != stairs[-1][1]:
            stairs += [(number, stairs[-1][1]), (number, value)]
        elif not stairs or number == len(values):
            stairs.append((number, value))
    return Curve("best so far", "evaluations", units.name, {"best so far": stairs})
