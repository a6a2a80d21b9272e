"""A grammar that holds a model's answer to trees in one line, of a bounded depth."""

from math import floor, isfinite, log10

from operators.tree_columns import Columns


def grammar(columns: Columns, most: int, lone_leaf: bool = False) -> str:
    """Return a GBNF grammar of the one-line form (see ``operators.tree_text``), without recursion.

    Numbers have the sign and as many digits as their column needs for four significant ones.

    Args:
        columns: Whose names, categories and classes may be used.
        most: The greatest depth, 0 or more.
        lone_leaf: Whether the root may be a leaf, as when a subtree is asked for.
    """
    rules = [f"root ::= depth{most}" if lone_leaf or not most else f"root ::= split{most}"]
    for level in range(most, 0, -1):
        branch = f'" " depth{level - 1}'
        rules.append(f"depth{level} ::= leaf | split{level}")
        rules.append(f'split{level} ::= "(" test {branch} {branch} ")"')
    rules += ["depth0 ::= leaf", f"leaf ::= {_leaves(columns)}"]
    if most:
        tests = [_question(columns, i) for i in range(len(columns.columns))]
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
