"""Forms: convert DEAP's individuals to genomes that a record can hold, and back."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from deap import gp

from evollm.errors import EvollmError
from operators.deap.genomes import Attributed, Expression, below, carried, plain


class IndividualCodec(Protocol):
    """Converts an individual to a genome and back; they must not share mutable objects."""

    def to_genome(self, individual: Any) -> Any:
        """Return a genome of numbers, strings, lists, tuples, dicts or arrays."""
        ...

    def from_genome(self, genome: Any) -> Any:
        """Return a new individual that the toolbox's functions may change in place."""
        ...


@dataclass(frozen=True, kw_only=True)
class Carrying:
    """The common part of all forms: stores attributes with the genome, and restores them.

    The fitness is not stored, because it is part of the outcome.

    Attributes:
        kinds: Maps an attribute's name to the class that is called with the recorded value, for
            example that of a strategy. Other attributes are restored as plain values.
        drop: Names of attributes that are not stored.
    """

    kinds: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    drop: tuple[str, ...] = ()

    def _with(self, individual: Any, genome: Any) -> Any:
        """Add an individual's attributes to its genome."""
        kept = {}
        for name, value in carried(individual).items():
            if name in self.drop:
                continue
            try:
                kept[name] = plain(value)
            except EvollmError:
                raise EvollmError(
                    f"a record can't hold the attribute {name!r} of an individual, a "
                    f"{type(value).__name__}: use numbers, strings, lists or arrays, give a form "
                    f"that drops it, such as Plain({type(individual).__name__}, drop=({name!r},)), "
                    "or one with your own to_genome"
                ) from None
        return Attributed(genome, kept) if kept else genome

    def _dressed(self, individual: Any, attributes: Mapping[str, Any]) -> Any:
        """Give a new individual its attributes."""
        for name, value in attributes.items():
            kind = self.kinds.get(name)
            copied = copy.deepcopy(value)
            if kind is not None and type(copied) is not kind and copied is not None:
                copied = made(kind, copied)
            try:
                setattr(individual, name, copied)
            except AttributeError:
                raise EvollmError(
                    f"a {type(individual).__name__} can't have the attribute {name!r}: give a form "
                    "for a class made by creator.create"
                ) from None
        return individual


def made(kind: Callable[[Any], Any], value: Any) -> Any:
    """Call a class with a recorded value.

    Raises:
        EvollmError: If that fails.
    """
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        name = getattr(kind, "__name__", kind)
        raise EvollmError(
            f"a {name} can't be made from a {type(value).__name__} ({error}): give a form with "
            "to_genome and from_genome"
        ) from None


def _bare(genome: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return a genome and its attributes separately."""
    return (genome.genome, genome.attributes) if isinstance(genome, Attributed) else (genome, {})


@dataclass(frozen=True)
class Plain(Carrying):
    """The form of individuals that contain numbers: their items, without their class.

    Lists and ``array.array`` become lists, sets sorted lists, and subclasses of NumPy arrays plain
    arrays.

    Attributes:
        kind: The individuals' class, which is called with a genome; None returns the genome itself.
    """

    kind: type | None = None

    def to_genome(self, individual: Any) -> Any:
        """Return the individual's items, with its attributes if it has any.

        Raises:
            EvollmError: If the items can't be recorded.
        """
        return self._with(individual, below(individual))

    def from_genome(self, genome: Any) -> Any:
        """Return a new individual of the kind.

        Raises:
            EvollmError: If the class can't be created from the genome.
        """
        items, attributes = _bare(genome)
        copied = below(items)
        if self.kind is not None and type(copied) is not self.kind:
            copied = made(self.kind, copied)
        return self._dressed(copied, attributes)


@dataclass(frozen=True)
class Trees(Carrying):
    """The form of ``gp.PrimitiveTree``: an ``Expression``, the names of its nodes depth first.

    A primitive, an argument or a terminal is stored as its name in the primitive set, an ephemeral
    constant as its name and value. A tree is restored node by node, and no text is evaluated.

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

    def to_genome(self, individual: Any) -> Any:
        """Return the tree's nodes and text, with its attributes if it has any.

        Raises:
            EvollmError: If the primitive set lacks a node, or the individual is not a tree.
        """
        if not isinstance(individual, gp.PrimitiveTree):
            raise EvollmError(
                f"a {type(individual).__name__} is not a gp.PrimitiveTree: give another form, such "
                "as Several for a list of trees"
            )
        nodes = [self._name(node) for node in individual]
        return self._with(individual, Expression(nodes, gp.PrimitiveTree.__str__(individual)))

    def from_genome(self, genome: Any) -> Any:
        """Return the tree of an ``Expression``, or of a list of nodes in its form.

        Raises:
            EvollmError: If the primitive set lacks a name, or the nodes are not a complete tree.
        """
        written, attributes = _bare(genome)
        entries = written.nodes if isinstance(written, Expression) else written
        nodes = [self._node(entry) for entry in entries]
        missing = 1
        for node in nodes:
            missing += node.arity - 1 if missing else len(nodes)
        if missing:
            raise EvollmError(f"a genome of {len(nodes)} nodes must be a complete tree")
        return self._dressed(self.kind(nodes), attributes)

    def _name(self, node: Any) -> Any:
        if isinstance(type(node), gp.MetaEphemeral):
            return [type(node).name, plain(node.value)]
        # a renamed argument keeps its old name and has the new one as value
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


@dataclass(frozen=True)
class Several(Carrying):
    """The form of an individual that is a list of trees, such as one with ADFs.

    Attributes:
        forms: One per tree, in their order.
        kind: The individuals' class.
    """

    forms: tuple[IndividualCodec, ...]
    kind: type = list

    def to_genome(self, individual: Any) -> Any:
        """Return the list of the parts' genomes, with its attributes if it has any.

        Raises:
            EvollmError: If it has more or fewer parts than there are forms, or one can't be
                recorded.
        """
        self._check(individual)
        parts = [form.to_genome(part) for form, part in zip(self.forms, individual, strict=True)]
        return self._with(individual, parts)

    def from_genome(self, genome: Any) -> Any:
        """Return the individual.

        Raises:
            EvollmError: If it has more or fewer parts than there are forms, or one can't be made.
        """
        parts, attributes = _bare(genome)
        self._check(parts)
        listed = [form.from_genome(part) for form, part in zip(self.forms, parts, strict=True)]
        return self._dressed(made(self.kind, listed), attributes)

    def _check(self, parts: Any) -> None:
        if len(parts) != len(self.forms):
            raise EvollmError(
                f"an individual of {len(parts)} parts does not fit {len(self.forms)} forms: give "
                "one form per part"
            )
