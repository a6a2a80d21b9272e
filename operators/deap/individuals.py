"""Forms: DEAP's individuals as genomes that a record can keep, and back."""

import array
import copy
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from deap import gp

from evollm.errors import EvollmError

_ATOMS = (str, int, float, bool, type(None))


class IndividualCodec(Protocol):
    """Turns an individual into a genome and back; the genome must not share what can change."""

    def to_genome(self, individual: Any) -> Any:
        """Return what a record can keep: numbers, strings, lists, tuples, dicts or arrays."""
        ...

    def from_genome(self, genome: Any) -> Any:
        """Return a new individual that the toolbox's functions may change in place."""
        ...


@dataclass(frozen=True)
class Plain:
    """The form of individuals that hold numbers: their items, without class and attributes.

    Lists and ``array.array`` become lists, sets become sorted lists, NumPy's subclasses become
    arrays. Attributes of an individual, such as an evolution strategy's, are not kept: those want a
    form of their own.

    Attributes:
        kind: The individuals' class, called with a genome to make one; None leaves the genome as it
            is.
    """

    kind: type | None = None

    def to_genome(self, individual: Any) -> Any:
        """Return the individual's items.

        Raises:
            EvollmError: If they can't be recorded.
        """
        return _plain(individual)

    def from_genome(self, genome: Any) -> Any:
        """Return a new individual of the kind.

        Raises:
            EvollmError: If the kind can't be made of a genome.
        """
        copied = copy.deepcopy(genome)
        if self.kind is None or type(copied) is self.kind:
            return copied
        try:
            return self.kind(copied)
        except TypeError as error:
            raise EvollmError(
                f"a {self.kind.__name__} can't be made of a {type(copied).__name__} ({error}): "
                "give a form with to_genome and from_genome"
            ) from None


def _plain(value: Any) -> Any:
    """Copy a value, as the plain type below its class."""
    if type(value) in _ATOMS or isinstance(value, np.generic):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return np.array(value)
    if isinstance(value, list | array.array):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return _sorted([_plain(item) for item in value])
    if getattr(getattr(type(value), "__dataclass_params__", None), "frozen", False):
        return copy.deepcopy(value)
    raise EvollmError(
        f"a genome can't hold a {type(value).__name__}: give a form with to_genome and from_genome"
    )


def _sorted(items: list[Any]) -> list[Any]:
    """Order a set's items, by how they are written if they can't be compared."""
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)


@dataclass(frozen=True)
class Trees:
    """The form of ``gp.PrimitiveTree``: the names of its nodes, depth first.

    A primitive, an argument or a terminal is its name in the primitive set, an ephemeral constant
    the pair of its name and its value. So a tree comes back node by node, and no text is ever
    evaluated to read it.

    Attributes:
        pset: The primitive set.
        kind: The individuals' class.
        names: The primitive set's names, for the record.
    """

    pset: Any = field(metadata={"parameter": False})
    kind: type = gp.PrimitiveTree
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(sorted(self.pset.mapping)))

    def to_genome(self, individual: Any) -> list[Any]:
        """Return the nodes: names, and ``[name, value]`` for ephemeral constants.

        Raises:
            EvollmError: If the primitive set lacks a node.
        """
        return [self._name(node) for node in individual]

    def from_genome(self, genome: Any) -> Any:
        """Return the tree.

        Raises:
            EvollmError: If the primitive set lacks a name, or the nodes make no whole tree.
        """
        nodes = [self._node(entry) for entry in genome]
        missing = 1
        for node in nodes:
            missing += node.arity - 1 if missing else len(nodes)
        if missing:
            raise EvollmError(f"a genome of {len(nodes)} nodes is no whole tree")
        return self.kind(nodes)

    def _name(self, node: Any) -> Any:
        if isinstance(type(node), gp.MetaEphemeral):
            return [type(node).name, _plain(node.value)]
        # a renamed argument keeps its old name, and has the new one as its value
        for name in (node.name, str(getattr(node, "value", node.name))):
            if name in self.pset.mapping and self.pset.mapping[name] == node:
                return name
        raise EvollmError(
            f"the primitive set {self.pset.name} lacks {node.name!r}: add it as a primitive, a "
            "terminal or an ephemeral constant"
        )

    def _node(self, entry: Any) -> Any:
        named = isinstance(entry, str)
        known = self.pset.mapping.get(entry if named else entry[0])
        if known is None or named is isinstance(known, gp.MetaEphemeral):
            raise EvollmError(f"the primitive set {self.pset.name} has no node {entry!r}")
        if named:
            return known
        constant = known.__new__(known)  # its __init__ would draw a value
        constant.value = entry[1]
        return constant
