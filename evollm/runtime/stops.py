"""Stops: when a search ends, by what it has spent and what it has found."""

from math import inf

from evollm.runtime.budget import Meter, costs
from evollm.search.search import Search


class Stops:
    """Watches a search and reports which limits it has reached.

    Limits on what is found are checked between complete answers only, so that a run stops at the
    same point with any executor and after a resume.

    Args:
        meter: The budget and what has been spent.
        search: The search to watch.
        cost_unit: The problem's unit of cost.
    """

    def __init__(self, meter: Meter, search: Search, cost_unit: str = "") -> None:
        self._cost_unit = cost_unit
        self._meter = meter
        self._search = search
        self._step, self._stale = -1, 0
        self._summit = (-inf, -inf)
        self._champion: int | None = None

    def reasons(self) -> dict[str, float]:
        """Return the limits that are reached, by name; empty if the run may continue."""
        return self._reached() | self._meter.refused

    def _reached(self) -> dict[str, float]:
        """Return the limits reached; those on calls count only once they stop an operator."""
        deficit, fitness = self._summit
        return self._meter.reasons(-inf if deficit else fitness, self._stale)

    def after_answer(self) -> str | None:
        """Count steps after a complete answer; return why the run ends, if it does."""
        passed = self._search.step - self._step
        if not passed:
            return None
        better = self._better()
        self._stale = 0 if better else self._stale + passed
        self._step = self._search.step
        self._meter.usage.generations = max(0, self._step)
        return self._first(self._reached())

    def _better(self) -> bool:
        """Return whether the best has improved, and remember it.

        If the flow names the best, it was rescored on other data: the scores of two steps can't be
        compared, so that only a different individual counts as an improvement.
        """
        best = self._search.best_committed
        before, champion = self._summit, self._champion
        self._summit = best.merit if best else (-inf, -inf)
        self._champion = best.id if best else None
        if self._step < 0:
            return True
        return champion != self._champion if self._search.names_best else self._summit > before

    def at_any_time(self) -> str | None:
        """Return why the run ends now, if a resource is used up or the flow has ended."""
        spent = {name: limit for name, limit in self._reached().items() if name in _RESOURCES}
        if self._search.done and not spent:
            return self._search.ending or "the algorithm has ended"
        return self._first(spent)

    def _first(self, reasons: dict[str, float]) -> str | None:
        return next((_sentence(*reason, self._cost_unit) for reason in reasons.items()), None)


_RESOURCES = ("evaluations", "seconds", "cost")


def _sentence(name: str, limit: float, cost_unit: str) -> str:
    """Return the reached limit as text."""
    if name == "cost":
        return f"the cost budget of {costs(limit, cost_unit)} is spent"
    if name == "target":
        return "the target is reached"
    if name == "stagnation":
        return f"no better fitness for {limit:g} generations"
    return f"the budget of {limit:g} {name} is spent"
