"""Checks of what a user gives: numbers in range, and names that exist."""

from collections.abc import Iterable
from dataclasses import fields
from math import isnan
from typing import Any

import numpy as np

from evollm.errors import EvollmError


def positive(**counts: int | None) -> None:
    """Refuse counts that are not whole numbers of at least 1; None passes.

    Raises:
        EvollmError: By the count's name.
    """
    for name, count in counts.items():
        if count is None:
            continue
        if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < 1:
            raise EvollmError(f"{name} must be a whole number, 1 or more, not {count!r}")


def nearest(name: str, names: Iterable[str], most: int = 20) -> str:
    """Return the end of a message about an unknown name: the nearest name, or all of them.

    Args:
        name: What the user wrote.
        names: What is known.
        most: If none is near, all are listed, unless they are more than this.
    """
    import difflib  # for errors only

    known = list(names)
    if close := difflib.get_close_matches(name, known, 1, cutoff=0.5):
        return f"; did you mean '{close[0]}'?"
    return f": choose from {', '.join(known)}" if len(known) <= most else ""


def at_least(least: int, settings: object, *names: str, prefix: str = "") -> None:
    """Refuse settings with which a search would never begin; what is None stays unset.

    Args:
        least: What each named field must reach.
        settings: Whose fields.
        names: Which fields.
        prefix: What stands before a field's name where the user gives it.

    Raises:
        EvollmError: If one of the fields is below, or not a number.
    """
    for name in names:
        value = getattr(settings, name)
        if value is not None and (value < least or isnan(value)):
            option = prefix + (name.replace("_", "-") if prefix else name)
            raise EvollmError(f"{option} must be {least} or more, not {value}")


def shared(settings: object, kind: type[Any]) -> dict[str, Any]:
    """Return the fields that settings have of a class, to make another one of that class."""
    return {item.name: getattr(settings, item.name) for item in fields(kind)}
