"""Exports of trees as rules, JSON, Graphviz's DOT and a Python function; import of JSON."""

import json
from collections.abc import Iterable, Iterator
from math import nextafter

import numpy as np

from evollm.errors import EvollmError
from evollm.types import JSON
from operators.trees.columns import Column, Columns
from operators.trees.genome import Leaf, Split, Tree, walk
from operators.trees.json import as_json, read_json
from operators.trees.line import printable, shortest
from problems.trees.model.routing import LARGEST, single

DEEPEST = 200
_WHOLE = (
    "    row = {",
    "        name: float('nan') if type(cell).__name__ in ('NoneType', 'NAType') else cell",
    "        for name, cell in row.items()",
    "    }",
)
"""Source code that converts all kinds of missing values to NaN."""


def to_dict(tree: Tree, columns: Columns) -> dict[str, JSON]:
    """Return a tree as nested dicts: see ``operators.trees.json.as_json``."""
    return as_json(tree, columns)


def from_dict(value: JSON, columns: Columns) -> Tree:
    """Return the tree of a value made by ``to_dict``.

    Raises:
        EvollmError: If it is not a tree over the columns.
    """
    found = read_json(value, columns, DEEPEST)
    if found.tree is None:
        raise EvollmError(f"this is not a tree: {found.detail}")
    return found.tree


def to_json(tree: Tree, columns: Columns, indent: int | None = 2) -> str:
    """Return a tree as JSON text."""
    return json.dumps(as_json(tree, columns), indent=indent, ensure_ascii=False)


def from_json(text: str, columns: Columns) -> Tree:
    """Return the tree of a text written by ``to_json``.

    Raises:
        EvollmError: If the text is not JSON, or not a tree over the columns.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise EvollmError("this is not a tree: the text is not JSON") from None
    return from_dict(value, columns)


def to_rules(tree: Tree, columns: Columns, decimals: int | None = None, spacing: int = 3) -> str:
    """Return a tree as indented rules, laid out as scikit-learn's ``export_text`` does.

    Args:
        tree: Any tree over the columns.
        columns: Names and units; for columns with gaps, rules include the branch of missing values.
        decimals: Decimals of thresholds and numeric leaves; None for as many as needed to predict
            exactly the same.
        spacing: Indentation per level.
    """
    return "".join(f"{line}\n" for line in _rules(tree, columns, decimals, spacing, 0))


def _rules(
    tree: Tree, columns: Columns, decimals: int | None, spacing: int, level: int
) -> Iterator[str]:
    head = f"|{' ' * spacing}" * level + f"|{'-' * spacing} "
    if isinstance(tree, Leaf):
        kind = "class: " if columns.classes else "value: "
        yield head + kind + _value_text(tree.value, columns, decimals, "[{}]")
        return
    for branch, holds in ((tree.left, True), (tree.right, False)):
        yield head + _test_text(tree, columns, decimals, holds)
        yield from _rules(branch, columns, decimals, spacing, level + 1)


def _value_text(value: float, columns: Columns, decimals: int | None, form: str = "{}") -> str:
    if columns.classes:
        return printable(columns.classes[int(value)])
    return form.format(repr(float(value)) if decimals is None else f"{value:.{decimals}f}")


def _test_text(split: Split, columns: Columns, decimals: int | None, holds: bool = True) -> str:
    """Write a split's test, or its negation."""
    column = columns.columns[split.feature]
    name = printable(column.name)
    unit = f" {printable(column.unit)}" if column.unit else ""
    here = split.missing_left if holds else column.gaps and not split.missing_left
    missing = " or missing" if here else ""
    if split.categories:
        labels = ", ".join(listed(column.categories[code] for code in split.categories))
        return f"{name} {'in' if holds else 'not in'} {{{labels}}}{missing}"
    sign = "<=" if holds else "> "
    cut = shortest(split.threshold) if decimals is None else f"{split.threshold:.{decimals}f}"
    return f"{name} {sign} {cut}{unit}{missing}"


def listed(labels: Iterable[object]) -> Iterator[str]:
    """Yield labels for a list in text, quoted if they contain characters of the list's syntax."""
    for label in map(printable, labels):
        plain = label == label.strip() and not set(label) & set(',{}"') and label
        yield label if plain else json.dumps(label, ensure_ascii=False)


def to_dot(tree: Tree, columns: Columns, decimals: int | None = None) -> str:
    """Return a tree in Graphviz's DOT language; rows that pass a test go left.

    Args:
        tree: Any tree over the columns.
        columns: Names and units.
        decimals: As in ``to_rules``.
    """
    lines = ["digraph Tree {", 'node [shape=box, style="rounded", fontname="helvetica"] ;']
    parents: list[tuple[int, int, str]] = []
    for place, (_, node) in enumerate(walk(tree)):
        parent, _, word = parents.pop() if parents else (-1, 0, "")
        if isinstance(node, Split):
            parents += [(place, 1, "no"), (place, 0, "yes")]
            text, shape = _test_text(node, columns, decimals), ""
        else:
            text, shape = _value_text(node.value, columns, decimals), ', style="rounded,filled"'
        lines.append(f"{place} [label={_quoted(text)}{shape}] ;")
        if parent >= 0:
            lines.append(f'{parent} -> {place} [label="{word}"] ;')
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def to_python(tree: Tree, columns: Columns, name: str = "predict", exact: bool = False) -> str:
    """Return the source of a Python function without dependencies.

    It takes a mapping from column names to values, with categories by label and NaN, None or
    pandas' NA for missing values, and returns a class or a number. Labels have the type of the
    data: True, not "True". An unknown category counts as missing, as in the estimators.

    Args:
        tree: Any tree over the columns.
        columns: Names of the columns.
        name: Name of the function.
        exact: Trees compare in single precision, a Python function in double precision, so that
            they differ for values that exceed a threshold in the eighth digit or later. True raises
            thresholds accordingly, so that both agree for all values.

    Raises:
        EvollmError: If the name is not an identifier.
    """
    if not name.isidentifier():
        raise EvollmError(f"'{name}' can't be the name of a Python function")
    target = "class" if columns.classes else "number"
    lines = [f"def {name}(row):", f'    """Return the {target} of a row: a mapping by name."""']
    if isinstance(tree, Split):
        lines += _WHOLE
    return "\n".join([*lines, *_source(tree, columns, exact, "    "), ""])


def _source(tree: Tree, columns: Columns, exact: bool, indent: str) -> Iterator[str]:
    if isinstance(tree, Leaf):
        value = columns.classes[int(tree.value)] if columns.classes else tree.value
        yield f"{indent}return {value!r}"
        return
    yield f"{indent}if {_condition(tree, columns, exact)}:"
    yield from _source(tree.left, columns, exact, indent + "    ")
    yield f"{indent}else:"
    yield from _source(tree.right, columns, exact, indent + "    ")


def _condition(split: Split, columns: Columns, exact: bool) -> str:
    """Return a test in Python, considering that all comparisons with NaN are false."""
    column = columns.columns[split.feature]
    cell = f"row[{column.name!r}]"
    if split.categories:
        labels = {holds: _labels(split, column, holds) for holds in (True, False)}
        # Missing and unknown values are in neither list.
        return (
            f"{cell} not in {labels[False]}" if split.missing_left else f"{cell} in {labels[True]}"
        )
    threshold = widened(split.threshold) if exact else split.threshold
    return f"not {cell} > {threshold!r}" if split.missing_left else f"{cell} <= {threshold!r}"


def _labels(split: Split, column: Column, holds: bool) -> str:
    """Return the source of the labels that pass a test, or of the others."""
    codes = enumerate(column.categories)
    return repr(tuple(label for code, label in codes if (code in split.categories) is holds))


def widened(threshold: float) -> float:
    """Return the largest number that is at most the threshold in single precision."""
    near = single(threshold)
    if abs(float(near)) >= LARGEST:
        return threshold
    above = np.nextafter(near, np.float32(np.inf))
    middle = (float(near) + float(above)) / 2
    return middle if single(middle) == near else nextafter(middle, -np.inf)
