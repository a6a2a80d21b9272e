"""Primitives: the functions, variables and numbers of expressions, as DEAP's primitive set."""

import keyword
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import Any

from deap import gp

from evollm.errors import EvollmError
from operators.deap.genomes import Expression
from operators.deap.individuals import Trees
from operators.expressions.functions import DEFAULT, FUNCTIONS, SYNONYMS, checked
from operators.expressions.genome import NUMBER, Node

PI = "pi"
RESERVED = {NUMBER, PI, "math", *FUNCTIONS, *SYNONYMS, *keyword.kwlist}
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*", re.ASCII)
_DIGITS = 3


@dataclass(frozen=True)
class Primitives:
    """What expressions are made of.

    Attributes:
        variables: Names of the variables; see ``words`` for names that are not words.
        functions: Names of functions; see ``operators.expressions.functions.FUNCTIONS``.
        constants: New numbers are drawn between minus this and this, with three decimals; 0 for
            expressions without numbers.
    """

    variables: tuple[str, ...]
    functions: tuple[str, ...] = DEFAULT
    constants: float = 5.0

    def __post_init__(self) -> None:
        checked(self.functions)
        if not 0 <= self.constants < inf:
            raise EvollmError(f"constants must be at least 0 and finite, not {self.constants}")
        if not self.variables or len(set(self.variables)) < len(self.variables):
            raise EvollmError("expressions need at least one variable, and different names for all")
        for name in self.variables:
            if not _WORD.fullmatch(name) or name in RESERVED:
                raise EvollmError(
                    f"a variable can't be called {name!r}: give a word of letters, digits and _ "
                    "that is not the name of a function or a word of Python"
                )

    @property
    def form(self) -> Trees:
        """Converts DEAP's trees to genomes and back."""
        return _form(self)

    @property
    def pset(self) -> Any:
        """DEAP's primitive set, one and the same for equal primitives."""
        return _form(self).pset

    def genome(self, nodes: Sequence[Node]) -> Expression:
        """Return the genome with these nodes.

        Raises:
            EvollmError: If they are not a complete expression of these primitives.
        """
        found: Expression = self.form.to_genome(self.form.from_genome(list(nodes)))
        return found


def words(names: Sequence[str]) -> tuple[str, ...]:
    """Return one word per name, different from each other and from names of functions.

    Args:
        names: Any names, such as those of the columns of a table.
    """
    found: list[str] = []
    for name in names:
        word = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_") or "x"
        word = f"x_{word}" if word[0].isdigit() else word
        word = f"{word}_" if word in RESERVED else word
        taken = {*names, *found} if word != name else set(found)
        number = 2
        unique = word
        while unique in taken:
            unique, number = f"{word}_{number}", number + 1
        found.append(unique)
    return tuple(found)


@dataclass(frozen=True)
class Drawn:
    """Draws a number for DEAP, from the state that its adapter seeds."""

    reach: float
    draw: Callable[[float, float], float] = field(default=random.uniform)

    def __call__(self) -> float:
        """Return a number, rounded."""
        return round(self.draw(-self.reach, self.reach), _DIGITS)


@lru_cache(maxsize=64)
def _form(primitives: Primitives) -> Trees:
    pset = gp.PrimitiveSet("expressions", len(primitives.variables))
    for name in primitives.functions:
        function = FUNCTIONS[name]
        pset.addPrimitive(function.compute, function.arity, name=name)
    if primitives.constants:
        pset.addEphemeralConstant(NUMBER, Drawn(primitives.constants))
    pset.renameArguments(**{f"ARG{i}": name for i, name in enumerate(primitives.variables)})
    return Trees(pset)
