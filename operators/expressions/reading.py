"""Reading: a parser for expressions written by a model or a user; nothing is executed."""

import re
from math import isfinite, pi

from evollm.checks import nearest
from evollm.errors import EvollmError
from operators.deap.genomes import Expression
from operators.expressions.functions import FUNCTIONS, SYNONYMS
from operators.expressions.genome import NUMBER, Node, height
from operators.expressions.primitives import PI, Primitives

LONGEST = 4000
"""Maximum number of characters of an expression."""
_DEEPEST = 60
_HIGHEST = 9
_PIECE = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|[-+*/^(),]))",
    re.ASCII,
)
_SIGNS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}


def read(
    text: str,
    primitives: Primitives,
    max_height: int | None = None,
    max_size: int | None = None,
) -> Expression:
    """Return the expression that a text writes.

    Args:
        text: Any text; it is untrusted. Besides the form of ``write`` it may contain ``**`` for
            ``^``, ``ln`` for ``log``, ``pi``, and whole powers up to 9.
        primitives: Names of functions and variables.
        max_height: Maximum height; None for no limit but that of brackets.
        max_size: Maximum number of nodes; None for no limit but that of the text.

    Raises:
        EvollmError: If it is not an expression of these primitives, or too large.
    """
    nodes = _Reader(_pieces(text), primitives).whole()
    if max_size is not None and len(nodes) > max_size:
        raise EvollmError(f"an expression of {len(nodes)} nodes is too large: write {max_size}")
    genome = primitives.genome(nodes)
    if max_height is not None and (found := height(genome)) > max_height:
        raise EvollmError(f"an expression of height {found} is too high: write {max_height}")
    return genome


def read_answer(
    text: str, primitives: Primitives, max_height: int | None, max_size: int | None
) -> Expression:
    """Return the expression in the first line of a model's answer, after an ``=`` if any.

    Raises:
        EvollmError: See ``read``.
    """
    line = text.strip().partition("\n")[0].strip().strip("`$")
    return read(line.rpartition("=")[2], primitives, max_height, max_size)


def _pieces(text: str) -> list[tuple[str, str]]:
    """Return the kinds and texts of the parts of a text."""
    text = text.strip()
    if len(text) > LONGEST:
        raise EvollmError(f"an expression of {len(text)} characters is too long: write {LONGEST}")
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            raise EvollmError(
                f"an expression can't contain {text[at:].strip()[:1]!r}: write numbers, variables, "
                "functions, brackets and + - * / ^"
            )
        kind = str(piece.lastgroup)
        found.append((kind, piece[kind]))
        at = piece.end()
    return found


class _Reader:
    """Reads pieces from left to right, by recursive descent."""

    def __init__(self, pieces: list[tuple[str, str]], primitives: Primitives) -> None:
        self._pieces = pieces
        self._at = 0
        self._deep = 0
        self._primitives = primitives

    def whole(self) -> list[Node]:
        nodes = self._sum()
        if self._at < len(self._pieces):
            raise EvollmError(
                f"an expression can't go on with '{self._pieces[self._at][1][:40]}': write a sign "
                "between its parts"
            )
        return nodes

    def _sum(self) -> list[Node]:
        nodes = self._product()
        while sign := self._take("+", "-"):
            nodes = [self._function(_SIGNS[sign]), *nodes, *self._product()]
        return nodes

    def _product(self) -> list[Node]:
        nodes = self._factor()
        while sign := self._take("*", "/"):
            nodes = [self._function(_SIGNS[sign]), *nodes, *self._factor()]
        return nodes

    def _factor(self) -> list[Node]:
        """Read an optional sign and a power; a sign before a lone number is part of it."""
        if not self._take("-"):
            return self._power()
        self._descend()
        lone = self._kind() == "number" and self._kind(1) not in ("^", "**")
        nodes = self._factor()
        self._deep -= 1
        if lone:
            return self._number(-nodes[0][1])
        return self._negated(nodes)

    def _negated(self, nodes: list[Node]) -> list[Node]:
        if "neg" in self._primitives.functions:
            return ["neg", *nodes]
        return [self._function("mul"), *self._number(-1.0), *nodes]

    def _power(self) -> list[Node]:
        base = self._atom()
        if not self._take("^", "**"):
            return base
        kind, text = self._next()
        exponent = float(text) if kind == "number" else 0.0
        if exponent == 0.5:
            return [self._function("sqrt"), *base]
        if exponent != int(exponent) or not 1 <= exponent <= _HIGHEST:
            raise EvollmError(
                f"a power can't be '{text[:40]}': write a whole number from 1 to {_HIGHEST}, or "
                "exp and log"
            )
        return self._raised(base, int(exponent))

    def _raised(self, base: list[Node], exponent: int) -> list[Node]:
        """Return a whole power, by squares and cubes if they are allowed."""
        if exponent == 1:
            return base
        if len(base) * exponent > LONGEST:
            raise EvollmError("an expression has too large powers: write smaller ones")
        for name, own in (("cube", 3), ("square", 2)):
            if name in self._primitives.functions and exponent % own == 0:
                return [name, *self._raised(base, exponent // own)]
        half = self._raised(base, exponent // 2)
        squared = [self._function("mul"), *half, *half]
        return squared if exponent % 2 == 0 else [self._function("mul"), *base, *squared]

    def _atom(self) -> list[Node]:
        kind, text = self._next()
        if kind == "number":
            return self._number(float(text))
        if text == "(":
            return self._inside(")")[0]
        if kind != "word":
            raise EvollmError(f"an expression can't have '{text}' here: write a value")
        if self._kind() == "(":
            return self._call(text)
        if text in self._primitives.variables:
            return [text]
        if text == PI:
            return self._number(pi)
        hint = nearest(text[:40], self._primitives.variables)
        raise EvollmError(f"there is no variable '{text[:40]}'{hint}")

    def _call(self, name: str) -> list[Node]:
        name = self._function(SYNONYMS.get(name, name))
        self._next()
        arguments = self._inside(")")
        wanted = FUNCTIONS[name].arity
        if len(arguments) != wanted:
            raise EvollmError(f"{name} takes {wanted} arguments, not {len(arguments)}")
        return [name, *(node for argument in arguments for node in argument)]

    def _inside(self, end: str) -> list[list[Node]]:
        """Read what is in brackets, up to the closing one: one argument, or several."""
        self._descend()
        found = [self._sum()]
        while self._take(","):
            found.append(self._sum())
        if not self._take(end):
            raise EvollmError("an expression lacks a closing bracket: write one")
        self._deep -= 1
        return found

    def _descend(self) -> None:
        self._deep += 1
        if self._deep > _DEEPEST:
            raise EvollmError(f"an expression has too many brackets in each other, over {_DEEPEST}")

    def _number(self, value: float) -> list[Node]:
        if not self._primitives.constants:
            raise EvollmError("an expression can't contain numbers here: constants is 0")
        if not isfinite(value):
            raise EvollmError("an expression can't contain a number that is not finite")
        return [[NUMBER, value]]

    def _function(self, name: str) -> str:
        if name not in self._primitives.functions:
            hint = nearest(name[:40], self._primitives.functions)
            raise EvollmError(f"there is no function '{name[:40]}'{hint}")
        return name

    def _kind(self, ahead: int = 0) -> str:
        """Return the kind of a later piece, or its text if it is a sign."""
        place = self._at + ahead
        if place >= len(self._pieces):
            return ""
        kind, text = self._pieces[place]
        return text if kind == "sign" else kind

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._pieces):
            raise EvollmError("an expression ends too early: write a value")
        self._at += 1
        return self._pieces[self._at - 1]

    def _take(self, *signs: str) -> str:
        """Read a sign if it is the next piece, and return it; else return nothing."""
        found = self._kind()
        if found not in signs:
            return ""
        self._at += 1
        return found
