"""Curves of one run: the best so far, and the diversity of its generations."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.report.page import Curve
from evollm.store import families, rows
from evollm.store.codec import shown
from evollm.store.record import Record
from evollm.units import Units

FEWEST, GROUPS = 10, 100
"""Candidates in a group of generations at least, and groups at most, in a curve of diversity."""


SHARE = (0.0, 100.0)
"""Ends of an axis of shares, in percent."""


def best_so_far(record: Record) -> NDArray[np.float64]:
    """Return the best fitness after each evaluation, in the order of jobs; shape (n,).

    It is minus infinity as long as no solution is feasible. If the algorithm names the best, it is
    the one named at the end of each step.
    """
    found = np.array(rows.fitnesses(record, eligible=True), dtype=np.float64)
    named = rows.named(record)
    if not named:
        return np.maximum.accumulate(found)
    last = dict(named)
    steps = rows.steps(record)
    best, known = np.empty(len(found)), -np.inf
    for i, step in enumerate(steps):
        whole = i + 1 == len(steps) or steps[i + 1] > step
        known = last.get(step, known) if whole else known
        best[i] = known if np.isfinite(known) else found[: i + 1].max()
    return best


def convergence(record: Record, units: Units) -> list[Curve]:
    """Return the best value and all single values against the number of evaluations.

    It is one curve, or none if no evaluation has succeeded.
    """
    fitness = rows.fitnesses(record)
    best = [
        (float(n), units.value(value))
        for n, value in enumerate(best_so_far(record).tolist(), 1)
        if isfinite(value)
    ]
    single = [(float(n), units.value(one)) for n, one in enumerate(fitness, 1) if isfinite(one)]
    if not best:
        return []
    failed = len(fitness) - len(single)
    eligible = sum(map(isfinite, rows.fitnesses(record, eligible=True)))
    left = len(single) - eligible
    notes = [f"{failed} failed evaluations have no value."] if failed else []
    if left:
        notes.append(f"{left} evaluations that are infeasible or were cut short are dots only.")
    title, y = f"Best {units.name} so far", named(units)
    lines, dots = {"best so far": best}, {"single evaluations": single}
    return [Curve(title, "evaluations", y, lines, dots, step=True, note=" ".join(notes))]


def named(units: Units) -> str:
    """Return the name of a value with its unit, as an axis shows it."""
    return f"{units.name} ({units.unit})" if units.unit else units.name


def diversity(record: Record) -> list[Curve]:
    """Return how much the candidates of a generation differ.

    Every run has the share of its genomes that are distinct, and that no earlier generation had; a
    run whose genomes are arrays of one shape also has how much they differ at a position. None for
    a run of fewer than two generations.
    """
    groups = list(_grouped(families.genomes(record)))
    if len(groups) < 2:
        return []
    known: set[str | bytes] = set()
    distinct, new = [], []
    for last, genomes in groups:
        different = set(genomes)
        distinct.append((float(last), 100 * len(different) / len(genomes)))
        new.append((float(last), 100 * len(different - known) / len(genomes)))
        known |= different
    title, y = "Distinct genomes", "share of the candidates made (%)"
    lines = {"in the generation": distinct, "new in the run": new}
    note = f"Generations of fewer than {FEWEST} candidates are taken together." * _few(groups)
    whole = Curve(title, "generation", y, lines, ends=SHARE, note=note)
    return [whole, *_spread(groups)]


_Groups = Sequence[tuple[int, Sequence[str | bytes]]]


def _grouped(found: Sequence[tuple[int, str | bytes]]) -> Iterator[tuple[int, list[str | bytes]]]:
    """Yield the last step of each group of generations, and the genomes made in them."""
    fewest = max(FEWEST, -(-len(found) // GROUPS))
    group: list[str | bytes] = []
    for place, (step, stored) in enumerate(found):
        group.append(stored)
        ended = place + 1 == len(found) or found[place + 1][0] > step
        if ended and (len(group) >= fewest or place + 1 == len(found)):
            yield step, group
            group = []


def _few(groups: _Groups) -> bool:
    steps = [last for last, _ in groups]
    return any(after - before > 1 for before, after in pairwise(steps))


def _spread(groups: _Groups) -> list[Curve]:
    """Return how much the genomes of a generation differ at a position, if they are arrays."""
    arrays = [_stacked(genomes) for _, genomes in groups]
    if len({None if one is None else (one.shape[1:], one.dtype.kind) for one in arrays}) > 1:
        return []
    kept = [one for one in arrays if one is not None]
    if not kept or not kept[0].size:
        return []
    steps = [float(last) for last, _ in groups]
    ends = None
    if kept[0].dtype.kind == "f":
        name, y = "standard deviation", "standard deviation of a coordinate, mean"
        values = [float(one.std(axis=0).mean()) for one in kept]
    else:
        name, y = "difference", "positions at which two candidates differ (%)"
        values = [100 * _difference(one) for one in kept]
        ends = SHARE
    line = {name: list(zip(steps, values, strict=True))}
    return [Curve("Spread of the genomes", "generation", y, line, ends=ends)]


def _stacked(genomes: Sequence[str | bytes]) -> NDArray[Any] | None:
    """Return genomes as the rows of one array; None if they are not arrays of one shape."""
    try:
        stacked = np.array([shown(one) for one in genomes])
    except (ValueError, TypeError):  # of different lengths
        return None
    usable = stacked.dtype.kind in "biuf" and stacked.ndim >= 2
    return stacked.reshape(len(genomes), -1) if usable else None


def _difference(rows: NDArray[Any]) -> float:
    """Return the share of positions at which two random rows differ, in expectation; 0 to 1."""
    shares = [np.unique(column, return_counts=True)[1] / len(rows) for column in rows.T]
    return float(np.mean([1 - (share**2).sum() for share in shares]))
