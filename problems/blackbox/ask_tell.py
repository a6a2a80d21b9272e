"""Ask and tell for a loop of the user's own."""

from collections.abc import Mapping, Sequence
from typing import Any

from evollm import AskTell, Candidate, EvollmError, Outcome, Result
from evollm.closing import Closing
from evollm.store.codec import encode
from problems.blackbox.function import Function, outcome
from problems.blackbox.report import Found, found
from problems.blackbox.space import Point


class PointAskTell(Closing):
    """Ask and tell in the function's own points and values; see ``evollm.AskTell``."""

    def __init__(self, search: AskTell, problem: Function) -> None:
        self._search = search
        self._problem = problem
        self._asked: dict[str, list[Candidate[Any]]] = {}

    def ask(self) -> list[Point]:
        """Return the points that wait for a value; an empty list once the search has stopped."""
        self._asked = {}
        points = []
        for candidate in self._search.ask():
            points.append(self._problem.space.decode(candidate.genome))
            self._asked.setdefault(_key(points[-1]), []).append(candidate)
        return points

    def tell(self, points: Sequence[Point], values: Sequence[Any]) -> None:
        """Say what points are worth, in any order, and not all at once if need be.

        Args:
            points: As ``ask`` returned them.
            values: What the function returns for each.

        Raises:
            EvollmError: If a point was not asked or has been told, a value is no number, or the
                lengths differ; then nothing of the call has been told.
        """
        if len(points) != len(values):
            raise EvollmError(f"{len(points)} points but {len(values)} values: tell one each")
        waiting = {key: list(candidates) for key, candidates in self._asked.items()}
        candidates, outcomes = [], []
        for point, value in zip(points, values, strict=True):
            if not (same := waiting.get(_key(point))):
                raise EvollmError(f"the point {point} doesn't wait for a value: tell what ask gave")
            candidates.append(same.pop(0))
            outcomes.append(_scored(point, value, self._problem.maximize))
        self._asked = waiting
        self._search.tell(candidates, outcomes)

    def stop(self) -> dict[str, float]:
        """Return the reasons to stop, by name; empty means go on."""
        return self._search.stop()

    @property
    def result(self) -> Result[Any]:
        """What has been found so far."""
        return self._search.result

    @property
    def found(self) -> Found:
        """What has been found so far, in the function's own points and values."""
        return found(self._problem, self.result)

    def close(self) -> None:
        """Give the run directory back; what is told until then can be resumed from."""
        self._search.close()


def _key(point: Point) -> str:
    try:
        listed = point.items() if isinstance(point, Mapping) else [float(x) for x in point]
        return repr(list(listed))
    except (TypeError, ValueError):
        return repr(point)


def _scored(point: Point, value: Any, maximize: bool) -> Outcome:
    try:
        scored = outcome(value, maximize)
    except (TypeError, ValueError, OverflowError):
        raise EvollmError(
            f"the value {value!r} of the point {point} is no number: tell what the function returns"
        ) from None
    try:
        encode(scored.info)
    except EvollmError as error:
        raise EvollmError(f"what is told of the point {point} can't be kept: {error}") from None
    return scored
