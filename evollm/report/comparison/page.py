"""The comparison of runs as a report: tables, curves and tests at equal evaluations."""

from collections.abc import Sequence
from itertools import combinations
from math import isfinite
from statistics import median

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.report.comparison.groups import Group, check, direction, distinct, grouped
from evollm.report.comparison.significance import LEVEL, PAIRS, Difference, holm, paired, unpaired
from evollm.report.comparison.tracks import Track
from evollm.report.page import Curve, Report, Section, Table

POINTS = 10
"""Number of rows of the table of the best so far."""

NAMED = 5
"""Maximum number of runs that are named as left out."""


def compared(
    tracks: Sequence[Track], evaluations: int | None = None, left: Sequence[str] = ()
) -> Report:
    """Compare runs of one problem, group by group, at equal evaluations.

    Args:
        tracks: The runs. One that repeats another one is left out.
        evaluations: Where to compare; None for the most that every run has. Runs with fewer are
            left out.
        left: What else was left out, and why.

    Raises:
        EvollmError: If there is no run, or their problems or units differ.
    """
    if not tracks:
        raise EvollmError("there is no run to compare: name at least one")
    check(tracks)
    kept, repeated = distinct(tracks)
    at = min(map(len, kept)) if evaluations is None else evaluations
    short = [
        f"{track.name}, which has {len(track)} evaluations" for track in kept if len(track) < at
    ]
    kept = [track for track in kept if len(track) >= at]
    if not kept:
        raise EvollmError(f"no run has {at} evaluations: compare at fewer")
    groups = grouped(kept)
    sections = [
        _head(kept, groups, at, [*left, *repeated, *short]),
        _spent(groups, at),
        _progress(groups, at),
    ]
    more = [_differences(groups, at), _settings(groups)]
    return Report(
        f"Comparison of {len(groups)} {_plural(len(groups), 'group')}", [*sections, *more]
    )


def _head(kept: Sequence[Track], groups: Sequence[Group], at: int, left: Sequence[str]) -> Section:
    first = kept[0]
    shortest = min(kept, key=len)
    why = "" if all(len(track) == at for track in kept) else (
        f", the most that every run has ({shortest.name} has no more)" if len(shortest) == at
        else ", as demanded"
    )  # fmt: skip
    unit = f" in {first.units.unit}" if first.units.unit else ""
    facts = {
        "problem": first.title,
        "value": f"{first.units.name}{unit}; {direction(first)}",
        "runs": f"{len(kept)} in {len(groups)} {_plural(len(groups), 'group')}",
        "compared at": f"{at} evaluations{why}",
    }
    empty = [track.name for track in kept if not np.isfinite(track.best[at - 1])]
    if empty:
        named = ", ".join(empty[:NAMED]) + (", ..." if len(empty) > NAMED else "")
        facts["without a value"] = f"{named}: no evaluation succeeded and was feasible by then"
    if left:
        more = f"; and {len(left) - NAMED} more" if len(left) > NAMED else ""
        facts["left out"] = "; ".join(left[:NAMED]) + more
    return Section("", facts)


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _spent(groups: Sequence[Group], at: int) -> Section:
    """Return each group's values where they are compared, and what it spent until there."""
    longer = any(len(track) > at for group in groups for track in group.tracks)
    columns = ["group", "runs", "median", "lower quartile", "upper quartile"]
    columns += ["tokens", "money", "seconds of the whole run" if longer else "seconds"]
    return Section(
        f"Best at {at} evaluations", tables=[Table(columns, [_row(group, at) for group in groups])]
    )


def _row(group: Group, at: int) -> list[object]:
    values = sorted(_values(group, at)[:, -1])
    last = len(values) - 1
    spent = [track.spent[at - 1] for track in group.tracks]
    paid = [one.money for one in spent if one.money is not None]
    return [
        group.label,
        len(values),
        *map(_finite, (median(values), values[last // 4], values[last - last // 4])),
        median(one.tokens for one in spent),
        median(paid) if len(paid) == len(spent) else None,
        median(track.seconds for track in group.tracks),
    ]


def _progress(groups: Sequence[Group], at: int) -> Section:
    """Return the medians at common numbers of evaluations, as a table and as curves."""
    points = sorted({max(1, round(at * (i + 1) / POINTS)) for i in range(POINTS)})
    values = {group.label: _values(group, at) for group in groups}
    medians = {label: np.median(runs, axis=0) for label, runs in values.items()}
    table = [[n, *(_finite(line[n - 1]) for line in medians.values())] for n in points]
    curve = Curve(
        "best so far, medians of the runs",
        "evaluations",
        groups[0].tracks[0].units.name,
        {label: _line(line) for label, line in medians.items()},
        step=True,
        singles={label: [_line(run) for run in runs] for label, runs in values.items()},
    )
    columns = ["evaluations", *medians]
    return Section("Median of the best so far", tables=[Table(columns, table)], curves=[curve])


def _line(values: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return the points of a curve of steps where it changes, and its end."""
    last = len(values) - 1
    kept = [i for i in range(last + 1) if i in (0, last) or values[i] != values[i - 1]]
    return [(i + 1, float(values[i])) for i in kept if isfinite(values[i])]


def _differences(groups: Sequence[Group], at: int) -> Section:
    """Return a test of each pair of groups."""
    if len(groups) == 1:
        return Section("Differences", text="All runs have the same configuration: name others too.")
    pairs = list(combinations(groups, 2))
    found = [_tested(one, other, at) for one, other in pairs]
    corrected = holm([test.p for test in found])
    least = holm([test.least for test in found])
    rows = [
        [
            f"{one.label} / {other.label}",
            _apart(one, other, at),
            test.name,
            test.runs,
            p,
            _verdict(one, other, test.sign, p, floor),
        ]
        for (one, other), test, p, floor in zip(pairs, found, corrected, least, strict=True)
    ]
    columns = ("pair", "difference of medians", "test", "runs", "p", "result")
    return Section("Differences", tables=[Table(columns, rows)], text=_explained(len(pairs)))


def _apart(one: Group, other: Group, at: int) -> float | None:
    """Return the difference of two groups' medians."""
    first, second = (float(np.median(_values(group, at)[:, -1])) for group in (one, other))
    return first - second if isfinite(first) and isfinite(second) else None


def _explained(pairs: int) -> str:
    corrected = f", corrected for {pairs} pairs by Holm's method" if pairs > 1 else ""
    return (
        f"Two-sided tests{corrected}; significant: p of at most {LEVEL}.\n"
        f"Groups that share at least {PAIRS} seeds: Wilcoxon, by seed; others: Mann-Whitney."
    )


def _tested(one: Group, other: Group, at: int) -> Difference:
    """Test the fitness of two groups, by pairs if they share enough seeds."""
    mine, theirs = one.by_seed(), other.by_seed()
    seeds = sorted(mine.keys() & theirs.keys())
    if len(seeds) >= PAIRS:
        return paired(*([runs[seed].best[at - 1] for seed in seeds] for runs in (mine, theirs)))
    return unpaired(*([track.best[at - 1] for track in group.tracks] for group in (one, other)))


def _verdict(one: Group, other: Group, sign: float, p: float, least: float) -> str:
    if least > LEVEL:
        return f"too few runs to show a difference: p can't be below {least:.2g}"
    if p > LEVEL:
        return "no significant difference"
    return f"significant: {(one if sign > 0 else other).label} is better"


def _settings(groups: Sequence[Group]) -> Section:
    """Return the settings that differ, if the labels of the groups don't name them all."""
    names = list(groups[0].differs)
    told = ", ".join(group.label for group in groups)
    if all(f"{name}=" in told for name in names):
        return Section("")
    rows = [[name, *(group.differs[name] for group in groups)] for name in names]
    columns = ["setting", *(group.label for group in groups)]
    return Section("Settings that differ", tables=[Table(columns, rows)])


def _values(group: Group, at: int) -> NDArray[np.float64]:
    """Return the best so far of each run in the user's units, shape (runs, at)."""
    units = group.tracks[0].units
    best = np.array([track.best[:at] for track in group.tracks])
    return units.offset + (best if units.maximize else 0.0 - best)


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None
