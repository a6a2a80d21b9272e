"""Copies: values that share no mutable objects with those of the search and the record."""

import copy
import dataclasses
import operator
from typing import Any

import numpy as np

_FIXED = frozenset({str, int, float, bool, complex, bytes, type(None)})


def independent(value: Any) -> Any:
    """Return a copy of a genome, a note or an info; immutable values are returned unchanged.

    Arrays are returned in C order, as from a record. Values that can't be copied are shared.
    """
    try:
        return _copied(value)
    except RecursionError:  # it contains itself
        return value


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in _FIXED or isinstance(value, np.generic):
        return value
    if kind is np.ndarray:
        return value.copy()
    if kind is list:
        return value[:] if _FIXED.issuperset(map(type, value)) else [*map(_copied, value)]
    if kind is tuple:
        own = tuple(map(_copied, value))
        return value if all(map(operator.is_, own, value)) else own
    if kind is dict:
        return {key: _copied(item) for key, item in value.items()}
    if _frozen(value):
        return value
    try:
        return copy.deepcopy(value)
    except Exception:  # the codec raises a precise error if it has to be stored
        return value


def _frozen(value: Any) -> bool:
    """Return whether a value is a frozen dataclass without mutable fields."""
    if not getattr(getattr(type(value), "__dataclass_params__", None), "frozen", False):
        return False
    held = (getattr(value, item.name) for item in dataclasses.fields(value))
    return all(_copied(one) is one for one in held)
