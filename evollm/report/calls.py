"""The model calls of a run: how many, how long they took, what they cost."""

from collections.abc import Sequence
from math import floor, log10

import numpy as np

from evollm.report.page import Bars, Section, Table
from evollm.store import families
from evollm.store.families import Took
from evollm.store.record import Record

BINS = 24
"""Bars of a distribution at most."""


def calls(record: Record) -> Section:
    """Return the model calls of the search by model, and how long they took."""
    found = families.calls(record)
    by_model: dict[str, list[Took]] = {}
    for one in found:
        by_model.setdefault(one.model, []).append(one)
    columns = ("model", "calls", "cached", "unusable", "tokens in", "tokens out", "median s",
               "p90 s", "longest s", "cost")  # fmt: skip
    table = [[name, *_row(some)] for name, some in by_model.items()]
    latency = [one.seconds for one in found if not one.cached]
    return Section(
        "Model calls",
        tables=[Table(columns, table)] if table else [],
        curves=[bars("Duration of the calls", "seconds", "calls", latency)] if any(latency) else [],
    )


def _row(some: Sequence[Took]) -> list[object]:
    waited = [one.seconds for one in some if not one.cached]
    times = [float(np.quantile(waited, share)) for share in (0.5, 0.9, 1)] if waited else [None] * 3
    paid = [one.cost for one in some if one.cost is not None]
    return [
        len(some),
        sum(one.cached for one in some),
        sum(one.error is not None for one in some),
        sum(one.tokens[0] for one in some),
        sum(one.tokens[1] for one in some),
        *times,
        float(sum(paid)) if len(paid) == len(some) else None,
    ]


def bars(title: str, x: str, y: str, values: Sequence[float]) -> Bars:
    """Return the distribution of numbers that are 0 or more; at least one must be positive.

    The axis is logarithmic if most of the values span more than a factor of 20.
    """
    low, high = np.quantile([value for value in values if value > 0], (0.05, 0.95))
    log = bool(high > 20 * low)
    if log:
        least = min(value for value in values if value > 0)
        ends = np.geomspace(least, max(values), BINS + 1)
        counted = [max(value, least) for value in values]
    else:
        width = _width(max(values) / BINS)
        ends = np.arange(0, max(values) + width, width)
        counted = list(values)
    counts, ends = np.histogram(counted, ends)
    found = zip(ends.tolist(), ends[1:].tolist(), counts.tolist(), strict=False)
    return Bars(title, x, y, list(found), log, _quantiles(values))


def _width(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is at least this number."""
    power = 10.0 ** floor(log10(least))
    return next(power * one for one in (1, 2, 5, 10) if power * one >= least * (1 - 1e-9))


def _quantiles(values: Sequence[float]) -> str:
    middle, most = np.quantile(values, (0.5, 0.9))
    return f"Half of the calls took at most {middle:.3g} s, nine in ten at most {most:.3g} s."
