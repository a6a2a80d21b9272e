"""The levels with the least sum of errors under a budget, by dynamic programming.

The sum takes the error of each layer for independent of the others, which is how SPDY (Frantar and
Alistarh, 2022, https://arxiv.org/abs/2201.13096) starts out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import gcd
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from problems.compression.layout import Genome, Layout, Level, Rule

Errors: TypeAlias = Sequence[Sequence[float]]
"""Of each unit the errors of its levels, by rising bytes; those of sublayers do not count."""
ROOM = 1 << 18
"""Most steps of a budget that are told apart; of more, bytes are rounded up to coarser ones."""


class ErrorSource(Protocol):
    """What knows the errors of layers, such as a level database."""

    def error(self, block: int, name: str, level: Level) -> float:
        """Return the error of a layer at a level."""


def errors_of(layout: Layout, source: ErrorSource) -> Errors:
    """Return the errors of all units: of a layer's outputs, relative to their mean square."""
    return [
        [source.error(unit.block, unit.name, level) for level in unit.levels] if unit.linear else []
        for unit in layout.units
    ]


def within(layout: Layout, errors: Errors, budget: int, exact: bool = False) -> Genome:
    """Return the levels with the least sum of errors that take at most a number of bytes.

    Sublayers that could be dropped are kept.

    Args:
        layout: The units.
        errors: Of their levels.
        budget: Most bytes of all units.
        exact: Take exactly as many bytes if any levels do.

    Raises:
        EvollmError: If no levels take so few, or there are no layers to choose levels of.
    """
    places = _places(layout)
    kept = sum(unit.costs[-1] for unit in layout.units if not unit.linear)
    return _chosen(layout, errors, [places], [budget - kept], exact)


def exchanged(layout: Layout, errors: Errors, like: Genome, rule: Rule = "size") -> Genome:
    """Return the levels with the least sum of errors that trade bytes within groups alone.

    Args:
        layout: The units.
        errors: Of their levels.
        like: Levels, of whose bytes each group takes exactly as many.
        rule: Which units are a group, as ``Layout.groups`` has it.

    Raises:
        EvollmError: If there are no layers to choose levels of.
    """
    numbers, places = layout.groups(rule), _places(layout)
    groups = [[i for i in places if numbers[i] == n] for n in sorted({numbers[i] for i in places})]
    budgets = [sum(int(layout.table[i, like[i]]) for i in group) for group in groups]
    return _chosen(layout, errors, groups, budgets, exact=True)


def _places(layout: Layout) -> list[int]:
    found = [place for place, unit in enumerate(layout.units) if unit.linear]
    if not found:
        raise EvollmError("there are no layers among the units, only sublayers that are dropped")
    return found


def _chosen(
    layout: Layout,
    errors: Errors,
    groups: Iterable[Sequence[int]],
    budgets: Iterable[int],
    exact: bool,
) -> Genome:
    genome = layout.tops.copy()
    for group, budget in zip(groups, budgets, strict=True):
        costs = [layout.units[place].costs for place in group]
        genome[list(group)] = solve(costs, [errors[place] for place in group], budget, exact)
    return genome


def solve(
    costs: Sequence[Sequence[int]], errors: Errors, budget: int, exact: bool = False
) -> list[int]:
    """Choose one of several options for each item.

    Args:
        costs: Of each item's options, rising.
        errors: Of the same.
        budget: Most that all choices cost.
        exact: Let them cost exactly that if any do.

    Returns:
        The choices with the least sum of errors. If the costs have no common divisor that makes the
        steps of the budget few, they are rounded up, so that a little of it may be left.

    Raises:
        EvollmError: If even the cheapest options cost more.
    """
    room = budget - sum(each[0] for each in costs)
    if room < 0:
        raise EvollmError(
            f"the budget must be at least {budget - room} bytes for the lowest levels, not {budget}"
        )
    extra = [[cost - each[0] for cost in each] for each in costs]
    step = gcd(*(cost for each in extra for cost in each)) or 1
    step *= max(1, -(-room // (step * ROOM)))
    steps = [[-(-cost // step) for cost in each] for each in extra]
    return _backwards(steps, *_forwards(steps, errors, room // step), exact)


def _forwards(
    steps: Sequence[Sequence[int]], errors: Errors, room: int
) -> tuple[NDArray[np.float64], list[NDArray[np.uint8]]]:
    """Return the least sum by the steps taken, and for each item the best option by them."""
    least = np.full(room + 1, np.inf)
    least[0] = 0
    options = []
    for own, costs in zip(steps, errors, strict=True):
        best, option = np.full(room + 1, np.inf), np.zeros(room + 1, np.uint8)
        for place, (step, error) in enumerate(zip(own, costs, strict=True)):
            if step > room:
                break
            found = least[: room + 1 - step] + error
            better = found < best[step:]
            best[step:][better], option[step:][better] = found[better], place
        least = best
        options.append(option)
    return least, options


def _backwards(
    steps: Sequence[Sequence[int]],
    least: NDArray[np.float64],
    options: Sequence[NDArray[np.uint8]],
    exact: bool,
) -> list[int]:
    taken = len(least) - 1
    if not exact or not np.isfinite(least[taken]):
        taken = int(least.argmin())
    chosen = []
    for own, option in zip(reversed(steps), reversed(options), strict=True):
        chosen.append(int(option[taken]))
        taken -= own[chosen[-1]]
    return chosen[::-1]
