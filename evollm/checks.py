"""Checks of a user's arguments: numbers in range, and names that exist."""

from collections.abc import Iterable
from dataclasses import fields
from math import isnan
from typing import Any

import numpy as np

from evollm.errors import OutOfRange


def positive(**counts: int | None) -> None:
    """Check that counts are whole numbers of at least 1, or None.

    Raises:
        OutOfRange: If one is not; the message names it.
    """
    for name, count in counts.items():
        if count is None:
            continue
        if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < 1:
            raise OutOfRange(f"{name} must be a whole number, 1 or more, not {count!r}", 1)


def nearest(name: str, names: Iterable[str], most: int = 20) -> str:
    """Return the end of a message about an unknown name: the nearest name, or all names.

    Args:
        name: What the user wrote.
        names: The known names.
        most: Maximum number of names to list if none is near.
    """
    import difflib  # imported here because only errors need it

    known = list(names)
    if close := difflib.get_close_matches(name, known, 1, cutoff=0.5):
        return f"; did you mean '{close[0]}'?"
    return f": choose from {', '.join(known)}" if len(known) <= most else ""


def at_least(least: int, settings: object, *names: str, prefix: str = "") -> None:
    """Check that fields of settings are numbers of at least ``least``, or None.

    Args:
        least: The smallest valid number.
        settings: The object with the fields.
        names: Which fields.
        prefix: Prefix of the fields' names in error messages.

    Raises:
        OutOfRange: If one of the fields is below, or not a number.
    """
    for name in names:
        value = getattr(settings, name)
        if value is not None and (value < least or isnan(value)):
            option = prefix + (name.replace("_", "-") if prefix else name)
            raise OutOfRange(f"{option} must be {least} or more, not {value}", least)


def shared(settings: object, kind: type[Any]) -> dict[str, Any]:
    """Return the fields that settings share with a class, to create an instance of that class."""
    return {item.name: getattr(settings, item.name) for item in fields(kind)}
