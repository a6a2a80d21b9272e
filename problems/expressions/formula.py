"""Formulas: expressions with their scale, which predict, and are written as text, Python, LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from operators.deap.genomes import Expression
from operators.expressions.functions import FUNCTIONS, INFIX, POWERS
from operators.expressions.genome import NUMBER, Node, arity, code_of, fold
from operators.expressions.writing import POWER, SIGN, WHOLE, Piece, infix, number, write
from problems.expressions.evaluation import columns, predict

_TIMES = {"*": r" \cdot ", "/": "/"}


@dataclass(frozen=True)
class Formula:
    """An expression with its scale: ``a + b * expression``.

    Attributes:
        genome: The expression.
        variables: The names of the variables in it, in the order of the columns.
        scale: The numbers ``a`` and ``b``.
        names: The columns' names as the user knows them.
        target: The name of what it predicts.
    """

    genome: Expression
    variables: tuple[str, ...]
    scale: tuple[float, float] = (0.0, 1.0)
    names: tuple[str, ...] = ()
    target: str = "y"

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the value for every row, NaN where it is not defined.

        Args:
            X: Shape ``(rows, variables)``.

        Raises:
            EvollmError: If the shape is different.
        """
        values = columns(X, self.variables)
        return predict(self.genome.nodes, values, len(np.asarray(X)), self.scale)

    @property
    def whole(self) -> Expression:
        """The expression with its scale, in which parts without variables are numbers.

        Its values may differ from those of ``predict`` by rounding, and it may be defined in more
        places.
        """
        nodes = _scaled(self.genome.nodes, *self.scale)
        return Expression(nodes, code_of(nodes))

    def text(self, digits: int | None = 4) -> str:
        """Return the formula as text.

        Args:
            digits: Significant digits of numbers; None for all.
        """
        return write(self.whole, digits)

    def python(self) -> str:
        """Return a Python function of the variables, which needs the module ``math`` only.

        It raises ``ValueError``, ``ZeroDivisionError`` or ``OverflowError`` where the formula is
        not defined.
        """
        body = fold(self.whole.nodes, _python)[0]
        told = "".join(
            f"# {word} is the column {name!r}\n"
            for word, name in zip(self.variables, self.names or self.variables, strict=True)
            if word != name
        )
        return (
            f"import math\n\n\n{told}def predict({', '.join(self.variables)}):\n"
            f'    """Return the prediction."""\n    return {body}\n'
        )

    def latex(self, digits: int | None = 4) -> str:
        """Return the formula in LaTeX.

        Args:
            digits: Significant digits of numbers; None for all.
        """
        return fold(self.whole.nodes, lambda node, below: _latex(node, below, digits))[0]


def _scaled(nodes: Sequence[Node], a: float, b: float) -> list[Node]:
    """Return the nodes of ``a + b * expression``, its outer numbers being taken into these two.

    A factor ``b`` stands first in a product, and is subtracted if it is negative.
    """
    found, a, b = _peeled(_folded(nodes), a, b)
    if b == 0.0:
        return [[NUMBER, a]]
    if not isinstance(found[0], str):
        return [[NUMBER, a + b * found[0][1]]]
    if a == 0.0:
        return _times(b, found)
    return ["sub" if b < 0 else "add", [NUMBER, a], *_times(abs(b), found)]


def _peeled(nodes: list[Node], a: float, b: float) -> tuple[list[Node], float, float]:
    """Return an expression without the numbers that its outermost functions add or multiply."""
    while True:
        root, parts = nodes[0], _parts(nodes)
        numbers = [part[0][1] for part in parts if len(part) == 1 and not isinstance(part[0], str)]
        if root == "neg":
            nodes, b = parts[0], -b
        elif len(numbers) != 1 or root not in ("add", "sub", "mul", "div"):
            return nodes, a, b
        else:
            value, first = numbers[0], not isinstance(parts[0][0], str)
            if root == "div" and (first or value == 0):
                return nodes, a, b
            nodes = parts[1] if first else parts[0]
            if root in ("mul", "div"):
                b = b * value if root == "mul" else b / value
            else:
                a += -b * value if root == "sub" and not first else b * value
                b = -b if root == "sub" and first else b


def _parts(nodes: Sequence[Node]) -> list[list[Node]]:
    """Return the arguments of an expression's outermost function."""
    found: list[list[Node]] = []
    at = 1
    for _ in range(arity(nodes[0])):
        start, open_ends = at, 1
        while open_ends:
            open_ends += arity(nodes[at]) - 1
            at += 1
        found.append(list(nodes[start:at]))
    return found


def _times(factor: float, nodes: list[Node]) -> list[Node]:
    """Return a product with a factor, which stands first."""
    if not isinstance(nodes[0], str):
        return [[NUMBER, factor * nodes[0][1]]]
    if abs(factor) == 1.0:
        return nodes if factor > 0 else ["neg", *nodes]
    if nodes[0] in ("mul", "div"):
        left, right = _parts(nodes)
        return [nodes[0], *_times(factor, left), *right]
    return ["mul", [NUMBER, factor], *nodes]


def _folded(nodes: Sequence[Node]) -> list[Node]:
    """Return nodes in which functions of numbers alone are numbers, if these are finite."""

    def combine(node: Node, below: list[list[Node]]) -> list[Node]:
        whole = [node, *(one for part in below for one in part)]
        if not below or any(len(part) > 1 or isinstance(part[0], str) for part in below):
            return whole
        with np.errstate(all="ignore"):
            value = float(FUNCTIONS[node].compute(*(part[0][1] for part in below)))
        return [[NUMBER, value]] if np.isfinite(value) else whole

    return fold(nodes, combine)


def _python(node: Node, below: list[Piece]) -> Piece:
    if not isinstance(node, str):
        text = number(node[1])
        return text, SIGN if text.startswith("-") else WHOLE
    if node in INFIX:
        return infix(below, *INFIX[node])
    if node in POWERS:
        text, hold = below[0]
        return f"{text if hold >= WHOLE else f'({text})'}**{POWERS[node]}", POWER
    if node == "neg":
        return f"-({below[0][0]})", SIGN
    if not arity(node):
        return node, WHOLE
    return FUNCTIONS[node].python.format(*(text for text, _ in below)), WHOLE


def _latex(node: Node, below: list[Piece], digits: int | None) -> Piece:
    if not isinstance(node, str):
        text = _scientific(number(node[1], digits))
        return text, SIGN if text.startswith("-") else 2 if " " in text else WHOLE
    if node != "div" and node in INFIX:
        return infix(below, *INFIX[node], _TIMES)
    if node in POWERS:
        text, hold = below[0]
        base = text if hold >= WHOLE else rf"\left({text}\right)"
        return f"{{{base}}}^{{{POWERS[node]}}}", POWER
    if node == "neg":
        return rf"-\left({below[0][0]}\right)", SIGN
    if not arity(node):
        return _variable(node), WHOLE
    return FUNCTIONS[node].latex.format(*(text for text, _ in below)), WHOLE


def _scientific(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else text


def _variable(word: str) -> str:
    """Return a variable in italics if it is a letter with digits, else upright."""
    letters = word.rstrip("0123456789")
    if len(letters) == 1 and letters.isalpha():
        index = word[1:]
        return f"{letters}_{{{index}}}" if index else letters
    escaped = word.replace("_", "\\_")
    return f"\\mathrm{{{escaped}}}"
