"""Points: the values that a tracker shows for each step of a run, read from its record."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from evollm.report.sections import units_of
from evollm.runtime.driver import Run
from evollm.store import rows, steps
from evollm.store.record import Record
from evollm.store.steps import Answered


@dataclass(frozen=True, slots=True)
class Point:
    """What a run came to in one step.

    Attributes:
        step: The step, in a generational algorithm the generation.
        values: ``best``, the best value so far, and ``mean``, that of the step's completed
            evaluations, both in the user's units; and what was spent until then: ``failed``, if a
            model was asked also ``calls``, ``tokens`` and, unless a price is unknown, ``money``;
            and, always and last, ``evaluations``.
    """

    step: int
    values: Mapping[str, float]


class Points:
    """Reads the points of a run from its record, each one once.

    What lanes add to a step that has already been read counts towards the next one.

    Args:
        record: The run's.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._units = units_of(record)["fitness"]
        self._told = self._last = -1
        self._waiting: dict[int, list[Answered]] = {}
        self._counts = {"failed": 0, "calls": 0, "tokens": 0, "evaluations": 0}
        self._money: float | None = 0.0
        self._best: tuple[int, float] | None = None

    def until(self, step: int) -> list[Point]:
        """Return the points that are new, up to a step."""
        for one in steps.answered(self._record, self._told):
            self._told = one.told
            self._waiting.setdefault(max(one.step, self._last + 1), []).append(one)
        due = sorted(number for number in self._waiting if number <= step)
        if not due:
            return []
        named = dict(rows.named(self._record))
        return [self._point(number, named) for number in due]

    def _point(self, step: int, named: Mapping[int, float]) -> Point:
        """Count what a step added, and return its point."""
        added = self._waiting.pop(step)
        for one in added:
            self._count(one)
        self._last = step
        values: dict[str, float] = {}
        if (best := _named(named, step) if named else self._best and self._best[1]) is not None:
            values["best"] = self._units.value(best)
        if scored := sum(one.scored for one in added):
            values["mean"] = self._units.value(sum(one.total for one in added) / scored)
        return Point(step, values | self._spent())

    def _count(self, one: Answered) -> None:
        for name in self._counts:
            self._counts[name] += getattr(one, name)
        known = self._money is not None and one.money is not None
        self._money = self._money + one.money if known else None  # type: ignore[operator]
        if one.best is not None:
            self._best = max(self._best or (one.fidelity, one.best), (one.fidelity, one.best))

    def _spent(self) -> dict[str, float]:
        counts = dict(self._counts)
        evaluations = counts.pop("evaluations")
        spent: dict[str, float] = dict(counts)
        if not counts["calls"]:
            del spent["calls"], spent["tokens"]
        elif self._money is not None:
            spent["money"] = self._money
        return spent | {"evaluations": evaluations}


def completed(run: Run) -> int:
    """Return the last step whose point does not change any more; -1 before any.

    Lanes do not wait for each other: one may announce a step before the others have answered, so
    that theirs is taken as complete when the next one is announced, or the run has ended.
    """
    early = len(run.search.flows) > 1 and not run.finished
    return run.search.step - early


def _named(named: Mapping[int, float], step: int) -> float | None:
    """Return the fitness of the best individual that the flow had named by a step."""
    known = [number for number in named if number <= step and named[number] > -inf]
    return named[max(known)] if known else None
