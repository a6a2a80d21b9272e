"""Descriptions of a task and its columns for a model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from operators.trees.columns import Column, Columns
from operators.trees.context import TreeContext
from operators.trees.line import number, printable
from problems.trees.data.dataset import Feature, Table


def context(
    columns: Columns,
    task: str = "",
    described: Mapping[str, str] | None = None,
    order: Sequence[int] = (),
) -> TreeContext:
    """Return the descriptions of the task, the columns and the classes, in short lines.

    Args:
        columns: The columns and classes; trees refer to classes by number.
        task: Description of what is predicted; may be empty.
        described: Descriptions of columns, by name.
        order: The columns' indices, the most informative first, which are shown if not all fit.
    """
    described = described or {}
    lines = []
    listed = zip(columns.tokens, columns.columns, columns.category_tokens, strict=True)
    for token, column, labels in listed:
        values = f"one of {' '.join(labels)}" if labels else _range(column)
        facts = [described.get(column.name, ""), column.unit, values]
        facts_text = ", ".join(" ".join(fact.split()) for fact in facts if fact)
        lines.append(f"{token}: {facts_text}" if facts_text else token)
    named = ", ".join(f"{i} = {printable(label)}" for i, label in enumerate(columns.classes))
    classes = f"classes: {named}" if named else ""
    return TreeContext(task, tuple(lines), classes, tuple(order))


def numbered(columns: Columns) -> Columns:
    """Return the columns with classes named by number, to keep trees in prompts short."""
    return replace(columns, classes=tuple(range(len(columns.classes))))


def columns_of(table: Table, rows: Any = slice(None)) -> Columns:
    """Describe a table's columns using only the rows that a search may see.

    Columns have the names of the user's table, so that exports accept its rows.
    """
    return Columns.of(
        table.X[rows],
        [_heading(feature) for feature in table.features],
        y=table.y[rows],
        classes=table.classes,
        categories={_heading(f): f.categories for f in table.features if _unordered(f)},
        units={_heading(f): f.unit for f in table.features if f.unit},
    )


def described(table: Table) -> dict[str, str]:
    """Return descriptions of a table's columns by name, including the meaning of ordered codes."""
    meanings = {_heading(feature): _meaning(feature) for feature in table.features}
    return {name: meaning for name, meaning in meanings.items() if meaning}


def _meaning(feature: Feature) -> str:
    labels = () if _unordered(feature) else feature.categories
    codes = [f"{code} = {label}" for code, label in enumerate(labels)]
    about = "" if feature.description == feature.heading else feature.description
    return ", ".join(part for part in (about, *codes) if part)


def _heading(feature: Feature) -> str:
    return feature.heading or feature.name


def _unordered(feature: Feature) -> bool:
    """Return whether a column's codes are unordered; flags and ordered codes have thresholds."""
    return feature.kind == "category" and not feature.ordered


def _range(column: Column) -> str:
    if not (isfinite(column.low) and isfinite(column.high)):
        return ""
    return f"{number(column.low)} to {number(column.high)}"
