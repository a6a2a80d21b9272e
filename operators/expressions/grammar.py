"""The grammar of expressions in GBNF, to which a llama.cpp endpoint holds a model's answers."""

from operators.expressions.functions import FUNCTIONS, INFIX
from operators.expressions.primitives import Primitives

_LEVELS = 3
_OPERANDS = 3


def grammar(primitives: Primitives, levels: int = _LEVELS) -> str:
    """Return the grammar of one line with an expression, in the form of ``write``.

    Sums and products have at most three operands each, so that a line ends.

    Args:
        primitives: Names of functions and variables.
        levels: How many brackets may be in each other.
    """
    rules = [f'root ::= sum{levels} "\\n"']
    sums = _signs(primitives, 1)
    products = _signs(primitives, 2)
    powers = _powers(primitives)
    for level in range(levels, -1, -1):
        rules.append(_chain(f"sum{level}", f"product{level}", sums, " "))
        rules.append(_chain(f"product{level}", f"power{level}", products, ""))
        rules.append(f"power{level} ::= atom{level}{powers}")
        rules.append(f"atom{level} ::= {' | '.join(_atoms(primitives, level))}")
    rules.append(f"variable ::= {' | '.join(_quoted(name) for name in primitives.variables)}")
    if primitives.constants:
        rules.append('number ::= "-"? [0-9] [0-9]? [0-9]? ("." [0-9] [0-9]? [0-9]?)?')
    return "\n".join(rules) + "\n"


def _chain(name: str, operand: str, signs: list[str], blank: str) -> str:
    """Return the rule of operands with signs between them."""
    if not signs:
        return f"{name} ::= {operand}"
    between = " | ".join(_quoted(f"{blank}{sign}{blank}") for sign in signs)
    more = f" (({between}) {operand})?" * (_OPERANDS - 1)
    return f"{name} ::= {operand}{more}"


def _signs(primitives: Primitives, hold: int) -> list[str]:
    return [
        sign for name, (sign, own) in INFIX.items() if own == hold and name in primitives.functions
    ]


def _powers(primitives: Primitives) -> str:
    """Return the optional power after an atom."""
    if not {"square", "cube", "mul"} & set(primitives.functions):
        return ""
    numbers = ["2", "3"] if "mul" in primitives.functions else []
    numbers += ["2"] if "square" in primitives.functions and not numbers else []
    numbers += ["3"] if "cube" in primitives.functions and "3" not in numbers else []
    return f' ("^" ({" | ".join(map(_quoted, numbers))}))?'


def _atoms(primitives: Primitives, level: int) -> list[str]:
    found = ["variable", *(["number"] if primitives.constants else [])]
    if not level:
        return found
    inner = f"sum{level - 1}"
    found.append(f'"(" {inner} ")"')
    for name in primitives.functions:
        if name in INFIX or name in ("neg", "square", "cube"):
            continue
        arguments = f' ", " {inner}' * (FUNCTIONS[name].arity - 1)
        found.append(f'"{name}(" {inner}{arguments} ")"')
    return found


def _quoted(text: str) -> str:
    return f'"{text}"'
