"""Stops: when a search has gone far enough, by what it spent and by what it found."""

from math import inf

from evollm.runtime.budget import Meter, costs
from evollm.search.search import Search


class Stops:
    """Watches a search and says which limits it has reached.

    Limits on what is found count between whole answers only, so that neither the executor nor a
    resume moves the point where a run stops.

    Args:
        meter: What is spent, and the budget.
        search: What is watched.
        cost_unit: The unit of the evaluations' costs, as the problem names it.
    """

    def __init__(self, meter: Meter, search: Search, cost_unit: str = "") -> None:
        self._cost_unit = cost_unit
        self._meter = meter
        self._search = search
        self._step, self._stale, self._summit = -1, 0, -inf
        self._champion: int | None = None

    def reasons(self) -> dict[str, float]:
        """Return the limits that are reached, by name; empty if the run may go on."""
        return self._reached() | self._meter.refused

    def _reached(self) -> dict[str, float]:
        """Leave out the limits on calls: they end a run only once they stop an operator."""
        return self._meter.reasons(self._summit, self._stale)

    def after_answer(self) -> str | None:
        """Count steps and stale ones after a whole answer; return why they end the run."""
        passed = self._search.step - self._step
        if not passed:
            return None
        better = self._better()
        self._stale = 0 if better else self._stale + passed
        self._step = self._search.step
        self._meter.usage.generations = max(0, self._step)
        return self._first(self._reached())

    def _better(self) -> bool:
        """Return whether the best has changed, and remember the new one.

        Where the flow names the best it was scored anew, on other data: figures of two steps don't
        compare, so that only another individual counts as better.
        """
        best = self._search.best_committed
        before, champion = self._summit, self._champion
        self._summit = best.fitness if best else -inf
        self._champion = best.id if best else None
        if self._step < 0:
            return True
        return champion != self._champion if self._search.names_best else self._summit > before

    def at_any_time(self) -> str | None:
        """Return why the run ends here and now: a resource has run out, or the flow."""
        spent = {name: limit for name, limit in self._reached().items() if name in _RESOURCES}
        if self._search.done and not spent:
            return self._search.ending or "the algorithm came to its end"
        return self._first(spent)

    def _first(self, reasons: dict[str, float]) -> str | None:
        return next((_sentence(*reason, self._cost_unit) for reason in reasons.items()), None)


_RESOURCES = ("evaluations", "seconds", "cost")


def _sentence(name: str, limit: float, cost_unit: str) -> str:
    """Say which limit was reached."""
    if name == "cost":
        return f"the cost budget of {costs(limit, cost_unit)} is spent"
    if name == "target":
        return "the target is reached"
    if name == "stagnation":
        return f"no better fitness for {limit:g} generations"
    return f"the budget of {limit:g} {name} is spent"
