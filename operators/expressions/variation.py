"""Classical variation of expressions: DEAP's operators within limits of height and size."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from deap import gp

from evollm.checks import positive
from operators.deap.functions import FromDeap
from operators.expressions.primitives import Primitives

HIGHEST = 60
"""Maximum height of all expressions."""
_TRIES = 4
_STARTS = 100


@dataclass(frozen=True)
class Limits:
    """The largest expressions that variation makes.

    Attributes:
        max_height: Maximum number of functions on a path, 1 to 60.
        max_size: Maximum number of nodes.
    """

    max_height: int = 8
    max_size: int = 40

    def __post_init__(self) -> None:
        positive(max_height=self.max_height, max_size=self.max_size)

    def hold(self, tree: Any) -> bool:
        """Return whether one of DEAP's trees is within the limits."""
        return len(tree) <= self.max_size and tree.height <= min(self.max_height, HIGHEST)


@dataclass(frozen=True)
class Within:
    """A mutation or crossover of DEAP that is repeated until its children are within limits.

    A child that is still too large after four attempts is replaced by its parent.

    Attributes:
        function: Takes individuals, which it may change, and returns a tuple of as many.
        limits: The limits.
    """

    function: Callable[..., Any]
    limits: Limits

    def __call__(self, *parents: Any) -> tuple[Any, ...]:
        """Return as many children as there are parents."""
        for _ in range(_TRIES):
            made = self.function(*(type(parent)(parent) for parent in parents))
            if all(map(self.limits.hold, made)):
                return tuple(made)
        return tuple(
            child if self.limits.hold(child) else type(parent)(parent)
            for child, parent in zip(made, parents, strict=True)
        )


@dataclass(frozen=True)
class Ramped:
    """Draws trees half full and half grown, with heights from 1 up to a limit.

    Koza: Genetic Programming: On the Programming of Computers by Means of Natural Selection, 1992.

    Attributes:
        pset: DEAP's primitive set.
        limits: The limits.
        highest: Maximum height of new trees.
    """

    pset: Any
    limits: Limits
    highest: int = 4

    def __call__(self) -> Any:
        """Return a tree; a leaf if no larger one is within the limits."""
        highest = min(self.highest, self.limits.max_height)
        for _ in range(_STARTS):
            tree = gp.PrimitiveTree(gp.genHalfAndHalf(self.pset, 1, highest))
            if self.limits.hold(tree):
                return tree
        return gp.PrimitiveTree(gp.genFull(self.pset, 0, 0))


def random_expressions(
    primitives: Primitives, limits: Limits | None = None, highest: int = 4
) -> FromDeap:
    """Return the operator that draws expressions without parents.

    Args:
        primitives: What expressions are made of.
        limits: The limits.
        highest: Maximum height of new expressions.
    """
    draw = Ramped(primitives.pset, limits or Limits(), highest)
    return FromDeap(draw, 0, primitives.form, "random_expressions")


def classical(primitives: Primitives, limits: Limits | None = None) -> Mapping[str, FromDeap]:
    """Return DEAP's operators by name: a crossover of two parents, and mutations of one.

    Args:
        primitives: What expressions are made of.
        limits: The limits of their children.
    """
    held, pset = limits or Limits(), primitives.pset
    branch = partial(gp.genHalfAndHalf, min_=0, max_=2)
    functions: Mapping[str, tuple[int, Callable[..., Any]]] = {
        "cxOnePoint": (2, gp.cxOnePoint),
        "mutUniform": (1, partial(gp.mutUniform, expr=branch, pset=pset)),
        "mutNodeReplacement": (1, partial(gp.mutNodeReplacement, pset=pset)),
        "mutInsert": (1, partial(gp.mutInsert, pset=pset)),
        "mutShrink": (1, gp.mutShrink),
    }
    return {
        name: FromDeap(Within(function, held), arity, primitives.form, name)
        for name, (arity, function) in functions.items()
    }
