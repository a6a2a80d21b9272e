"""What a run would take in tokens and seconds, found out before anything is spent."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING

from evollm.runtime.budget import Budget
from problems.compression.loaded import Loaded

if TYPE_CHECKING:
    from problems.compression.system import EvoPress

SAMPLE = 512
"""Tokens that are run through the whole model to measure its speed."""
FINALISTS = 2


def forecast(system: EvoPress, budget: Budget) -> str:
    """Return what a run would take, in lines.

    Every candidate is counted as a whole pass of the uncompressed model over all its tokens; a
    search takes less, as blocks are shared, skipped and cut short.

    Args:
        system: The search.
        budget: What ends it.

    Raises:
        EvollmError: If the settings do not suit the model or the text.
    """
    found, long, space = system.problem.loaded, system.schedule, system.problem.space
    space.check(long.offspring)
    generations = inf if budget.generations is None else budget.generations
    limit = inf if budget.cost is None else budget.cost
    tokens = limit
    if generations < inf:
        tokens = min(limit, long.tokens(space, int(generations)))
    measured = FINALISTS * found.held_out.size
    lines = [
        f"model         {found.lm.name}, {len(found.blocks)} blocks",
        f"aim           {system.kind.target}: {space.budget:,} bytes",
        f"search        at most {tokens:,.0f} tokens"
        if tokens < inf
        else "search        as many tokens as the budget allows",
        f"held out      {measured:,} tokens, {FINALISTS} candidates",
    ]
    if any(unit.linear for unit in space.layout.units):
        levels = sum(len(unit.levels) for unit in space.layout.units if unit.linear)
        lines.append(
            f"levels        {levels:,}, made once from {system.problem.text.calibration:,} tokens "
            "unless they are there; not counted in the seconds"
        )
    speed = measure(found)
    lines.append(f"speed         {speed:,.0f} tokens per second, measured on the whole model")
    seconds = min(tokens / speed, inf if budget.seconds is None else budget.seconds)
    if seconds < inf:
        lines.append(f"seconds       at most about {seconds + measured / speed:,.0f}, an estimate")
    return "\n".join([*lines, "nothing else was evaluated, and nothing was written"])


def measure(found: Loaded) -> float:
    """Return the tokens per second of the whole model, head included."""
    rows = found.pool[: max(1, SAMPLE // found.pool.shape[1])]
    found.surprise(rows[:1, :8])  # the first pass is slower than the others
    begun = time.perf_counter()
    found.surprise(rows)
    return rows.size / max(time.perf_counter() - begun, 1e-6)
