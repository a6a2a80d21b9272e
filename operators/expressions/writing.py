"""Expressions as text: ``2.5*x^2 + sin(x/y)``, which ``operators.expressions.reading`` reads."""

from collections.abc import Mapping
from typing import TypeAlias

from operators.deap.genomes import Expression
from operators.expressions.functions import INFIX, POWERS
from operators.expressions.genome import Node, fold

Piece: TypeAlias = tuple[str, int]
"""A text, and how tightly it holds together: a sum 1, a product 2, a sign 3, a power 4, else 5."""
SIGN, POWER, WHOLE = 3, 4, 5


def write(genome: Expression, digits: int | None = None) -> str:
    """Return an expression as text.

    Args:
        genome: The expression.
        digits: Significant digits of numbers; None for as many as needed to read the same numbers.
    """
    return fold(genome.nodes, lambda node, below: _piece(node, below, digits))[0]


def number(value: float, digits: int | None = None) -> str:
    """Return a number as text; see ``write``."""
    if digits is not None:
        return f"{value:.{digits}g}"
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def _piece(node: Node, below: list[Piece], digits: int | None) -> Piece:
    if not isinstance(node, str):
        text = number(node[1], digits)
        return text, SIGN if text.startswith("-") else WHOLE
    if node in INFIX:
        return infix(below, *INFIX[node])
    if node in POWERS:
        return f"{_held(below[0], WHOLE)}^{POWERS[node]}", POWER
    if node == "neg":
        text, hold = below[0]
        plain = hold >= POWER and not text[0].isdigit()
        return f"-{text}" if plain or hold == POWER else f"-({text})", SIGN
    return (f"{node}({', '.join(text for text, _ in below)})" if below else node), WHOLE


def infix(
    below: list[Piece], sign: str, hold: int, signs: Mapping[str, str] | None = None
) -> Piece:
    """Return two pieces with a sign between them, and brackets where they are needed.

    Args:
        below: The pieces.
        sign: The sign.
        hold: How tightly the sign holds together.
        signs: What is written for a sign, with its spaces; by default sums have spaces.
    """
    left, right = _held(below[0], hold), _held(below[1], hold + 1)
    if right.startswith("-"):
        right = f"({right})"
    written = f" {sign} " if hold == 1 else sign
    return f"{left}{(signs or {}).get(sign, written)}{right}", hold


def _held(piece: Piece, least: int) -> str:
    """Return a piece, in brackets if it does not hold together tightly enough."""
    text, hold = piece
    return text if hold >= least else f"({text})"
