"""Functions: what the inner nodes of an expression may compute."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm.checks import nearest
from evollm.errors import EvollmError


@dataclass(frozen=True, slots=True)
class Function:
    """A function of one or two numbers, without protection: log(-1) is not a number.

    Attributes:
        arity: Number of arguments, 1 or 2.
        compute: Computes it for arrays.
        latex: Its LaTeX, with ``{0}`` and ``{1}`` for the arguments; empty for infix operators.
        python: Its Python with the module ``math``; empty for infix operators.
    """

    arity: int
    compute: Callable[..., Any]
    latex: str = ""
    python: str = ""


def _named(compute: Callable[..., Any], name: str) -> Function:
    return Function(1, compute, rf"\{name}\left({{0}}\right)", f"math.{name}({{0}})")


def _cube(x: Any) -> Any:
    return x * x * x


FUNCTIONS: Mapping[str, Function] = {
    "add": Function(2, np.add),
    "sub": Function(2, np.subtract),
    "mul": Function(2, np.multiply),
    "div": Function(2, np.divide, r"\frac{{{0}}}{{{1}}}"),
    "neg": Function(1, np.negative),
    "square": Function(1, np.square),
    "cube": Function(1, _cube),
    "inv": Function(1, np.reciprocal, r"\frac{{1}}{{{0}}}", "(1/({0}))"),
    "sqrt": Function(1, np.sqrt, r"\sqrt{{{0}}}", "math.sqrt({0})"),
    "exp": _named(np.exp, "exp"),
    "log": _named(np.log, "log"),
    "sin": _named(np.sin, "sin"),
    "cos": _named(np.cos, "cos"),
    "tan": _named(np.tan, "tan"),
    "tanh": _named(np.tanh, "tanh"),
    "abs": Function(1, np.abs, r"\left|{0}\right|", "abs({0})"),
    "min": Function(2, np.minimum, r"\min\left({0}, {1}\right)", "min({0}, {1})"),
    "max": Function(2, np.maximum, r"\max\left({0}, {1}\right)", "max({0}, {1})"),
}
"""All known functions by name; ``log`` is the natural logarithm."""
INFIX: Mapping[str, tuple[str, int]] = {
    "add": ("+", 1),
    "sub": ("-", 1),
    "mul": ("*", 2),
    "div": ("/", 2),
}
"""Sign and precedence of the operators between two arguments."""
POWERS: Mapping[str, int] = {"square": 2, "cube": 3}
"""Exponents of the functions that are written as powers."""
DEFAULT = ("add", "sub", "mul", "div", "sin", "cos", "exp", "log", "sqrt", "square")
SYNONYMS: Mapping[str, str] = {"ln": "log"}


def checked(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of functions.

    Raises:
        EvollmError: If there are none, one is unknown or occurs twice, or none has two arguments.
    """
    found = tuple(names)
    for name in found:
        if name not in FUNCTIONS:
            raise EvollmError(f"there is no function '{name}'{nearest(name, FUNCTIONS)}")
    if len(set(found)) < len(found):
        raise EvollmError(f"functions must be different, not {', '.join(found)}")
    if not any(FUNCTIONS[name].arity == 2 for name in found):
        raise EvollmError(
            "functions must contain one of two arguments, such as add, mul or div, not only "
            f"{', '.join(found) or 'none'}"
        )
    return found
