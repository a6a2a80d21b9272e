"""Expressions as genomes: pure functions of DEAP's trees as plain values."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from operators.deap.genomes import Expression
from operators.expressions.functions import FUNCTIONS

Node: TypeAlias = Any
"""The name of a function or a variable, or ``[NUMBER, value]``."""
T = TypeVar("T")
NUMBER = "number"
"""The name of the ephemeral constants."""
_ARITY = {name: function.arity for name, function in FUNCTIONS.items()}
_COMMUTATIVE = ("add", "mul", "min", "max")


def arity(node: Node) -> int:
    """Return the number of a node's arguments; 0 for a variable or a number."""
    return _ARITY.get(node, 0) if isinstance(node, str) else 0


def fold(nodes: Sequence[Node], combine: Callable[[Node, list[T]], T]) -> T:
    """Return what a function makes of an expression from its leaves to its root.

    Args:
        nodes: The nodes of a complete expression, depth first.
        combine: Called with a node and the results of its arguments.
    """
    stack: list[T] = []
    pop = stack.pop
    for node in reversed(nodes):
        count = _ARITY.get(node, 0) if type(node) is str else 0
        below = [pop(), pop()] if count == 2 else [pop()] if count else []
        stack.append(combine(node, below))
    return pop()


def height(genome: Expression) -> int:
    """Return the number of functions on the longest path; 0 for a variable or a number."""
    room = [0]  # the depths at which the next nodes are
    deepest = 0
    for node in genome.nodes:
        depth = room.pop()
        count = _ARITY.get(node, 0) if type(node) is str else 0
        if count:
            room += [depth + 1] * count
            deepest = max(deepest, depth + 1)
    return deepest


def code_of(nodes: Sequence[Node]) -> str:
    """Return the text of an expression as DEAP writes it, which is part of a genome."""
    return fold(nodes, _code)


def _code(node: Node, below: list[str]) -> str:
    if not below:
        return node if isinstance(node, str) else repr(node[1])
    return f"{node}({', '.join(below)})"


@lru_cache(maxsize=4096)
def key_of(genome: Expression) -> str:
    """Return a text that is the same for expressions that differ in the order of arguments only.

    ``x + y`` and ``y + x`` have the same key.
    """
    return fold(genome.nodes, _key)


def _key(node: Node, below: list[str]) -> str:
    return _code(node, sorted(below) if node in _COMMUTATIVE else below)


def numbers(genome: Expression) -> list[int]:
    """Return the places of an expression's numbers."""
    return [place for place, node in enumerate(genome.nodes) if not isinstance(node, str)]
