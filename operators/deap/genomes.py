"""Genomes of DEAP's individuals: plain values that a record can hold."""

import array
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from evollm.errors import EvollmError

NUMBER = "evollm_id"
"""The attribute of DEAP individuals that contains the candidate's id."""

_ATOMS = frozenset((str, int, float, bool, type(None)))
_CONTAINERS = (list, array.array, np.ndarray, tuple, dict, set, frozenset)


@dataclass(frozen=True)
class Expression:
    """A ``gp.PrimitiveTree`` as plain values.

    It has its tree's text and length, so ``toolbox.compile(expr=genome)`` gives the tree's function
    and ``len(genome)`` its size.

    Attributes:
        nodes: Depth first: the name of a primitive, an argument or a terminal, and
            ``[name, value]`` for an ephemeral constant.
        code: The tree as ``str`` writes it.
    """

    nodes: list[Any]
    code: str

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        return self.code

    def __hash__(self) -> int:
        return hash(self.code)


@dataclass(frozen=True, eq=False)
class Attributed:
    """A genome with the attributes of its individual, such as a strategy.

    Two are equal if their genomes and attributes are equal.

    Attributes:
        genome: The individual without its attributes.
        attributes: The attributes by name, without the fitness.
    """

    genome: Any
    attributes: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.genome)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.genome)

    def __getitem__(self, place: Any) -> Any:
        return self.genome[place]

    def __eq__(self, other: object) -> bool:
        return same(self, other)

    def __hash__(self) -> int:
        return hash((type(self), str(self.genome)))

    def __str__(self) -> str:
        return str(self.genome)


def plain(value: Any) -> Any:
    """Copy a value, as the plain type from which its class is derived.

    Raises:
        EvollmError: If a record can't hold it, or would lose its attributes.
    """
    kind = type(value)
    if kind in _ATOMS or isinstance(value, np.generic):
        return value
    if kind is not list and isinstance(value, _CONTAINERS):
        lost = [*carried(value), *(["fitness"] if _scored(value) else [])]
        if lost:
            raise EvollmError(
                f"a genome can't contain a {kind.__name__} with additional attributes "
                f"({', '.join(lost)}): {_REMEDY}"
            )
    return below(value)


def below(value: Any) -> Any:
    """Copy a value as ``plain`` does, but ignore its own attributes."""
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return np.array(value)
    if isinstance(value, list | array.array):
        return list(value) if _flat(value) else [plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return _sorted([plain(item) for item in value])
    if getattr(getattr(type(value), "__dataclass_params__", None), "frozen", False):
        return copy.deepcopy(value)
    if type(value) in _ATOMS or isinstance(value, np.generic):
        return value
    raise EvollmError(f"a genome can't contain a {type(value).__name__}: {_REMEDY}")


_REMEDY = "give a form with to_genome and from_genome"


def carried(individual: Any) -> dict[str, Any]:
    """Return an individual's attributes except the fitness, by name."""
    held = getattr(individual, "__dict__", {})
    return {name: value for name, value in held.items() if name not in ("fitness", NUMBER)}


def same(one: Any, other: Any) -> bool:
    """Compare two genomes including arrays in them; NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        alike = one.dtype == other.dtype and one.shape == other.shape
        return bool(alike and one.tobytes() == other.tobytes())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if is_dataclass(one):
        names = [item.name for item in fields(one) if item.compare]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    return bool(one == other) or bool(one != one and other != other)


def _flat(items: Any) -> bool:
    return all(type(item) in _ATOMS for item in items)


def _scored(value: Any) -> bool:
    return bool(getattr(getattr(value, "fitness", None), "valid", False))


def _sorted(items: list[Any]) -> list[Any]:
    """Sort a set's items, by their text if they can't be compared."""
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)
