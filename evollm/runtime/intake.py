"""Intake: what problems and operators return, turned into what a record can keep."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from evollm.errors import EvollmError
from evollm.store.codec import Unstorable, encode
from evollm.types import Offspring, Outcome

log = logging.getLogger("evollm")


@dataclass(frozen=True, slots=True)
class Dropped:
    """Replaces a value of an outcome that a record can't keep.

    Attributes:
        kind: Name of the type that can't be kept.
    """

    kind: str


Fault: TypeAlias = Callable[[Any], str | None]
"""Returns the name of the type for which a value can't be kept; None if it can be."""


def _unstorable(value: Any) -> str | None:
    try:
        encode(value)
    except Unstorable as error:
        return error.kind
    return None


def portable(outcome: Outcome, fault: Fault = _unstorable) -> Outcome:
    """Replace info that can't be kept, and metrics that are not numbers, by ``Dropped``.

    Of a dict only the entries at fault are replaced. An outcome without fault is returned as it is.

    Args:
        outcome: As a problem made it.
        fault: Looks for what can't be kept; by default in a record.
    """
    metrics = {name: _number(value) for name, value in outcome.metrics.items()}
    info = None if outcome.info is None else _kept(outcome.info, fault)
    if info is outcome.info and not any(isinstance(it, Dropped) for it in metrics.values()):
        return outcome
    return replace(outcome, info=info, metrics=metrics)


def _number(value: Any) -> Any:
    return value if isinstance(value, float | Dropped) else Dropped(type(value).__name__)


def _kept(info: Any, fault: Fault) -> Any:
    if isinstance(info, Dropped) or (kind := fault(info)) is None:
        return info
    if type(info) is not dict:
        return Dropped(kind)
    kept = {}
    for name, value in info.items():
        found = None if isinstance(value, Dropped) else fault(value)
        kept[name if fault(name) is None else str(name)] = Dropped(found) if found else value
    return kept


class Intake:
    """Drops values that can't be kept before a run sees them, and warns once for each kind."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return an outcome that memory and record can share."""
        if outcome.info is None and not outcome.metrics:
            return outcome
        found = portable(outcome)
        metrics = self._without(found.metrics, "the metric", "metrics are numbers")
        info = found.info
        if isinstance(info, Dropped):
            self._say("the info of an evaluation", info.kind, _KEEPS)
            info = None
        elif type(info) is dict:
            info = self._without(info, "the entry of info", _KEEPS)
        if info is outcome.info and metrics is outcome.metrics:
            return outcome
        return replace(found, info=info, metrics=metrics)

    def offspring(self, offspring: Offspring[Any], operator: str) -> Offspring[Any]:
        """Return offspring whose notes a record can keep, with plain counts of rejections.

        Raises:
            EvollmError: If the rejections are no counts.
        """
        try:
            rejected = {str(why): int(count) for why, count in offspring.rejected.items()}
        except (AttributeError, TypeError, ValueError):
            raise EvollmError(
                f"{operator} returned {offspring.rejected!r:.60} as rejections: give a dict from "
                "reasons to counts"
            ) from None
        notes = list(offspring.notes)
        for place, note in enumerate(notes):
            if (kind := _unstorable(note)) is not None:
                self._say(f"a note of {operator}", kind, _KEEPS)
                notes[place] = None
        return replace(offspring, notes=notes, rejected=rejected)

    def _without(self, held: Mapping[str, Any], what: str, why: str) -> Mapping[str, Any]:
        """Leave out what was dropped, with a warning for each kind."""
        for name, value in held.items():
            if isinstance(value, Dropped):
                self._say(f"{what} {name!r}", value.kind, why)
        if not any(isinstance(value, Dropped) for value in held.values()):
            return held
        return {name: value for name, value in held.items() if not isinstance(value, Dropped)}

    def _say(self, what: str, kind: str, why: str) -> None:
        if (what, kind) not in self._said:
            self._said.add((what, kind))
            log.warning("%s holds a value of type %s and is dropped: %s", what, kind, why)


_KEEPS = (
    "a record keeps numbers, strings, tuples, lists, dicts, frozen dataclasses and NumPy arrays"
)
