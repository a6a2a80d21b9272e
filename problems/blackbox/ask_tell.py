"""Ask and tell for evaluations made in the user's own loop."""

from collections.abc import Hashable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from evollm import AskTell, Candidate, EvollmError, Outcome, Result
from evollm.closing import Closing
from evollm.runtime.ask_tell import pairs
from problems.blackbox.function import Function
from problems.blackbox.report import Found, found
from problems.blackbox.space import Point


class PointAskTell(Closing):
    """Ask and tell with the function's points and values; see ``evollm.AskTell``."""

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
        """Tell the values of points, in any order and over several calls.

        Args:
            points: Points equal to those that ``ask`` returned: a dict with its keys in any order,
                a vector as an array, a list or a tuple, numbers of any type.
            values: The function's value of each.

        Raises:
            EvollmError: If a point was not asked or has been told, a value is not a number, or the
                arguments are not lists of the same length; then none of the values is told.
        """
        told = pairs("point", points, "value", values)
        waiting = {key: list(candidates) for key, candidates in self._asked.items()}
        candidates, outcomes = [], []
        for point, value in told:
            if not (same := waiting.get(_key(point))):
                raise EvollmError(
                    f"the point {point} is not waiting for a value: tell only points that ask "
                    "returned, and each once"
                )
            candidates.append(same.pop(0))
            outcomes.append(_scored(point, value, self._problem))
        self._asked = waiting
        self._search.tell(candidates, outcomes)

    def stop(self) -> dict[str, float]:
        """Return the reasons to stop, by name; empty means continue."""
        return self._search.stop()

    @property
    def result(self) -> Result[Any]:
        """What has been found so far."""
        return self._search.result

    @property
    def found(self) -> Found:
        """The result so far, in the function's points and values.

        Raises:
            EvollmError: If no value has been told yet, or all are failures.
        """
        return found(self._problem, self.result)

    def close(self) -> None:
        """Close the run directory; a later run resumes from the values that were told."""
        self._search.close()


def _key(point: Point) -> Hashable:
    """Return a key that is equal for equal points of any type: 1 and 1.0, lists and tuples.

    So a point can be sent as JSON or stored in a table before its value is told.
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


def _scored(point: Point, value: Any, problem: Function) -> Outcome:
    try:
        return problem.outcome(point, value)
    except (TypeError, ValueError, OverflowError):
        raise EvollmError(
            f"the value of the point {point} must be a number, not {value!r}: tell what the "
            "function returns"
        ) from None
