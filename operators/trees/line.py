"""Trees as one line of text: ``(glucose<127.5 (bmi<29.9 0 1) 1)``.

``(a<5 L R)`` sends rows whose ``a`` is at most 5 to L and the others to R; ``<`` is short for
``<=``, which ``operators.trees.reading`` accepts as well. ``(a<5? L R)`` also sends rows without
``a`` to L, and ``(a in{x,y} L R)`` those whose category is x or y.
"""

from collections.abc import Collection
from decimal import Decimal
from math import floor, isfinite, log10

import numpy as np

from evollm.errors import EvollmError
from operators.trees.columns import Columns
from operators.trees.genome import Leaf, Split, Tree, size, walk

_LARGEST = float(np.finfo(np.float32).max)


def write(tree: Tree, columns: Columns, digits: int | None = 4) -> str:
    """Return a tree as one line.

    Args:
        tree: Any tree over the columns.
        columns: Names of the columns.
        digits: Significant digits of thresholds and of numeric leaves; None for as many as needed
            to predict exactly the same.

    Raises:
        EvollmError: If the tree asks for a column, category or class that is not there.
    """
    if isinstance(tree, Leaf):
        return value_word(tree.value, columns, digits)
    left = write(tree.left, columns, digits)
    right = write(tree.right, columns, digits)
    return f"({question(tree, columns, digits)} {left} {right})"


def write_around(
    tree: Tree, place: int, columns: Columns, digits: int | None = 4
) -> tuple[str, str]:
    """Return the text before and after a subtree, for a model to write another one.

    Args:
        tree: As for ``write``.
        place: The number of the subtree's root in the order of ``walk``.
        columns: As for ``write``.
        digits: As for ``write``.

    Raises:
        EvollmError: If there is no such place.
    """
    nodes = [node for _, node in walk(tree)]
    if not 0 <= place < len(nodes):
        raise EvollmError("there is no such place in the tree: places run from 0 to its size - 1")
    text = write(tree, columns, digits)
    start = _start(tree, place, columns, digits)
    return text[:start], text[start + len(write(nodes[place], columns, digits)) :]


def _start(tree: Tree, place: int, columns: Columns, digits: int | None) -> int:
    """Return the number of characters before a node."""
    if place == 0 or isinstance(tree, Leaf):
        return 0
    start = len(question(tree, columns, digits)) + 2
    rest = place - 1 - size(tree.left)
    if rest < 0:
        return start + _start(tree.left, place - 1, columns, digits)
    left = len(write(tree.left, columns, digits)) + 1
    return start + left + _start(tree.right, rest, columns, digits)


def question(split: Split, columns: Columns, digits: int | None = 4) -> str:
    """Return a split's test in the form of ``write``.

    Raises:
        EvollmError: If it refers to an unknown column or category.
    """
    try:
        name = columns.tokens[split.feature]
        labels = columns.category_tokens[split.feature]
        listed = [labels[code] for code in split.categories]
    except IndexError:
        raise EvollmError(
            "a tree refers to an unknown column or category: use those of the table"
        ) from None
    if labels and not listed:
        raise EvollmError(f"'{name}' contains categories: a tree must test a set of them")
    cut = shortest(split.threshold) if digits is None else number(split.threshold, digits)
    test = f" in{{{','.join(listed)}}}" if listed else f"<{cut}"
    return name + test + "?" * split.missing_left


def value_word(value: float, columns: Columns, digits: int | None = 4) -> str:
    """Return a leaf's value in the form of ``write``.

    Raises:
        EvollmError: If it is an unknown class.
    """
    if not columns.classes:
        return repr(float(value)) if digits is None else number(value, digits)
    if not (0 <= value < len(columns.classes) and value == int(value)):
        raise EvollmError(f"a tree's leaf has class {value}: use 0 to {len(columns.classes) - 1}")
    return columns.class_tokens[int(value)]


def number(value: float, digits: int = 4) -> str:
    """Return a number with ``digits`` significant digits, with an exponent only if large or small.

    Args:
        value: A finite number.
        digits: 1 or more.
    """
    if value == 0:
        return "0"
    text = f"{value:.{digits - 1}e}"
    if not isfinite(float(text)):  # rounded up beyond the largest float
        text = repr(value)
    if 1e-6 <= abs(value) < 1e12:
        return format(Decimal(text).normalize(), "f")
    mantissa, exponent = text.split("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def shortest(threshold: float) -> str:
    """Return the shortest text of a threshold that routes every row in the same way.

    Trees compare in single precision, so the text only has to be equal there: 2.45 stands for
    2.4500000477.
    """
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
        text = str(near).removesuffix(".0")
        same = abs(float(text)) <= _LARGEST and np.float32(float(text)) == near
    return text if same else repr(float(threshold))


def printable(name: object) -> str:
    """Return a name on one line; invisible characters such as newlines are escaped as in Python."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(name)
    )


def grammar(
    columns: Columns, most: int, lone_leaf: bool = False, shown: Collection[int] | None = None
) -> str:
    """Return a GBNF grammar of the one-line form (see ``operators.trees.line``), without recursion.

    Numbers have as many digits as their column needs for four significant ones, and a sign if
    needed.

    Args:
        columns: Whose names, categories and classes may be used.
        most: Maximum depth, 0 or more.
        lone_leaf: Whether the root may be a leaf, as for a subtree.
        shown: The columns that may be asked about; None for all.
    """
    rules = [f"root ::= depth{most}" if lone_leaf or not most else f"root ::= split{most}"]
    for level in range(most, 0, -1):
        branch = f'" " depth{level - 1}'
        rules.append(f"depth{level} ::= leaf | split{level}")
        rules.append(f'split{level} ::= "(" test {branch} {branch} ")"')
    rules += ["depth0 ::= leaf", f"leaf ::= {_leaves(columns)}"]
    if most:
        tests = [
            _question(columns, i)
            for i in range(len(columns.columns))
            if shown is None or i in shown
        ]
        rules.append(f"test ::= {' | '.join(tests)}")
    return "\n".join(rules) + "\n"


def _leaves(columns: Columns) -> str:
    if columns.classes:
        return " | ".join(f'"{token}"' for token in columns.class_tokens)
    return _digits(columns.low, columns.high)


def _question(columns: Columns, feature: int) -> str:
    column, token = columns.columns[feature], columns.tokens[feature]
    gap = ' "?"?' if column.gaps else ""
    if not column.categories:
        return f'"{token}<" {_digits(column.low, column.high)}{gap}'
    labels = " | ".join(f'"{label}"' for label in columns.category_tokens[feature])
    more = f' ("," ({labels}))?' * (len(column.categories) - 1)
    return f'"{token} in{{" ({labels}){more} "}}"{gap}'


def _digits(low: float, high: float) -> str:
    """Return the grammar of a number within bounds, which may be infinite."""
    known = [abs(bound) for bound in (low, high) if isfinite(bound)]
    most = max([*known, 1e-6]) if len(known) == 2 else 1e6
    power = min(max(floor(log10(most)), -6), 11)
    sign = '"-"? ' if low < 0 else ""
    whole = _up_to(max(power, 0) + 1)
    return f'{sign}{whole} ("." {_up_to(max(4, 3 - power))})?'


def _up_to(digits: int) -> str:
    return " ".join(["[0-9]"] + ["[0-9]?"] * (digits - 1))
