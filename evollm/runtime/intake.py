"""Intake: turns what problems and operators return into values that a record can hold."""

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
    """Replaces a value of an outcome that a record can't hold.

    Attributes:
        kind: Name of the type that a record can't hold.
    """

    kind: str


Fault: TypeAlias = Callable[[Any], str | None]
"""Returns the name of the type because of which a value can't be stored; None if it can be."""


def _unstorable(value: Any) -> str | None:
    try:
        encode(value)
    except Unstorable as error:
        return error.kind
    return None


def portable(outcome: Outcome, fault: Fault = _unstorable) -> Outcome:
    """Replace info that can't be stored, and metrics that are not numbers, by ``Dropped``.

    In a dict only the entries at fault are replaced. An outcome without a fault is returned
    unchanged.

    Args:
        outcome: The outcome that a problem returned.
        fault: Finds what can't be stored; by default in a record.
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
    """Drops values that can't be stored before a run sees them, and warns once per type."""

    def __init__(self) -> None:
        self._warned: set[tuple[str, str]] = set()

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return an outcome that is the same in memory and in the record."""
        if outcome.info is None and not outcome.metrics:
            return outcome
        found = portable(outcome)
        metrics = self._without(found.metrics, "the metric", "metrics must be numbers")
        info = found.info
        if isinstance(info, Dropped):
            self._warn("the info of an evaluation", info.kind, _KEEPS)
            info = None
        elif type(info) is dict:
            info = self._without(info, "the entry of info", _KEEPS)
        if info is outcome.info and metrics is outcome.metrics:
            return outcome
        return replace(found, info=info, metrics=metrics)

    def offspring(self, offspring: Offspring[Any], operator: str) -> Offspring[Any]:
        """Return offspring whose notes a record can hold, with integer counts of rejections.

        Raises:
            EvollmError: If the rejections are not counts.
        """
        try:
            rejected = {str(why): int(count) for why, count in offspring.rejected.items()}
        except (AttributeError, TypeError, ValueError):
            raise EvollmError(
                f"{operator} returned {offspring.rejected!r:.60} as rejections: return a dict from "
                "reasons to counts"
            ) from None
        notes = list(offspring.notes)
        for place, note in enumerate(notes):
            if (kind := _unstorable(note)) is not None:
                self._warn(f"a note of {operator}", kind, _KEEPS)
                notes[place] = None
        return replace(offspring, notes=notes, rejected=rejected)

    def _without(self, held: Mapping[str, Any], what: str, why: str) -> Mapping[str, Any]:
        """Remove dropped values, with one warning per type."""
        for name, value in held.items():
            if isinstance(value, Dropped):
                self._warn(f"{what} {name!r}", value.kind, why)
        if not any(isinstance(value, Dropped) for value in held.values()):
            return held
        return {name: value for name, value in held.items() if not isinstance(value, Dropped)}

    def _warn(self, what: str, kind: str, why: str) -> None:
        if (what, kind) not in self._warned:
            self._warned.add((what, kind))
            log.warning("%s is dropped because it contains a value of type %s: %s", what, kind, why)


_KEEPS = (
    "a record can hold numbers, strings, tuples, lists, dicts, frozen dataclasses and NumPy arrays"
)
