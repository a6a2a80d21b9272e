"""Ask and tell for a loop of the user's own."""

from collections.abc import Hashable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from evollm import AskTell, Candidate, EvollmError, Outcome, Result
from evollm.closing import Closing
from evollm.runtime.ask_tell import pairs
from problems.blackbox.function import Function, outcome
from problems.blackbox.report import Found, found
from problems.blackbox.space import Point


class PointAskTell(Closing):
    """Ask and tell in the function's own points and values; see ``evollm.AskTell``."""

    def __init__(self, search: AskTell, problem: Function) -> None:
        self._search = search
        self._problem = problem
        self._asked: dict[Hashable, list[Candidate[Any]]] = {}

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
            points: Equal to those that ``ask`` returned: a dict in any order of its keys, a vector
                as an array, a list or a tuple, numbers of any type.
            values: What the function returns for each.

        Raises:
            EvollmError: If a point was not asked or has been told, a value is no number, or they
                are no lists of the same length; then nothing of the call has been told.
        """
        told = pairs("point", points, "value", values)
        waiting = {key: list(candidates) for key, candidates in self._asked.items()}
        candidates, outcomes = [], []
        for point, value in told:
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
        """What has been found so far, in the function's own points and values.

        Raises:
            EvollmError: If no value has been told yet, or all that were are failures.
        """
        return found(self._problem, self.result)

    def close(self) -> None:
        """Give the run directory back; what is told until then can be resumed from."""
        self._search.close()


def _key(point: Point) -> Hashable:
    """Return what is equal for points that are, whatever their types: 1 and 1.0, lists and tuples.

    So a point can travel as JSON, through a table or over a network before its value is told.
    """
    key = _plain(point)
    return key if isinstance(key, tuple) else (key,)


def _plain(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        items = [(str(name), _plain(item)) for name, item in value.items()]
        return tuple(sorted(items, key=itemgetter(0)))
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    try:
        hash(value)
    except TypeError:
        return repr(value)
    found: Hashable = value
    return found


def _scored(point: Point, value: Any, maximize: bool) -> Outcome:
    try:
        return outcome(value, maximize)
    except (TypeError, ValueError, OverflowError):
        raise EvollmError(
            f"the value {value!r} of the point {point} is no number: tell what the function returns"
        ) from None
