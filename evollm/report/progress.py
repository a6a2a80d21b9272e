"""The progress display: a live line on a terminal, one line per generation elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from evollm.runtime.budget import Usage
from evollm.runtime.driver import Run
from evollm.types import Individual


class Progress:
    """Shows the state of a run: generation, best, evaluations, calls, tokens, cost, time left.

    A callback for ``run``.

    Args:
        value: Formats a fitness as the user's value.
        out: Where to write; standard error by default.
    """

    def __init__(self, value: Callable[[float], str], out: TextIO | None = None) -> None:
        self._value = value
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._last = 0.0
        self._generation = -1

    def __call__(self, run: Run, individual: Individual[Any]) -> None:
        """Do nothing, because the display is updated by ``tick``."""

    def tick(self, run: Run) -> None:
        """Update the display if it is due."""
        now = time.monotonic()
        if self._live and (now - self._last > 0.1 or run.finished):
            self._out.write(f"\r\x1b[K{self.line(run)}" + "\n" * run.finished)
            self._out.flush()
            self._last = now
        elif not self._live and (self._due(run, now) or run.finished):
            self._out.write(self.line(run) + "\n")
            self._generation, self._last = run.search.step, now

    def _due(self, run: Run, now: float) -> bool:
        """Return whether there is a new generation and the last line is a second old."""
        return run.search.step > self._generation and now - self._last > 1

    def line(self, run: Run) -> str:
        """Return the state of a run in one line."""
        usage, budget = run.usage, run.budget
        best = self._value(run.best.fitness) if run.best else "-"
        if run.best and run.best.error is None and run.best.violation:
            best += f" (violation {run.best.violation:.4g})"
        parts = [
            f"generation {_of(usage.generations, budget.generations)}",
            f"best {best}",
            f"evaluations {_of(usage.evaluations, budget.evaluations)}",
        ]
        if budget.cost is not None:
            parts.append(f"evaluation cost {_of(usage.cost, budget.cost)}")
        if usage.failed:
            parts.append(f"failed {usage.failed}")
        if usage.calls:
            parts.append(f"calls {_of(usage.calls, budget.calls)}")
            parts.append(f"tokens {_of(usage.tokens, budget.tokens)}")
            parts.append(f"cost {cost(usage)}")
        left = _left(run)
        parts.append(f"{clock(left)} left" if left is not None else clock(usage.seconds))
        return "  ".join(parts)


def cost(usage: Usage) -> str:
    """Return the money paid as text, or "unknown"."""
    return "unknown" if usage.money is None else f"{usage.money:.4g}"


def _of(done: float, limit: float | None) -> str:
    return f"{done:,g}" if limit is None else f"{done:,g}/{limit:,g}"


def _left(run: Run) -> float | None:
    """Estimate the seconds until the nearest limit from the progress towards it."""
    usage, budget = run.usage, run.budget
    limits = ("evaluations", "cost", "generations", "calls", "tokens", "seconds")
    shares = [getattr(usage, name) / limit for name in limits if (limit := getattr(budget, name))]
    share = max(shares, default=0.0)
    return usage.seconds * (1 - share) / share if share > 0 else None


def clock(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
