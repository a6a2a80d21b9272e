"""Words: what a model is told of a task and of its columns."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from operators.trees.columns import Column, Columns
from operators.trees.line import number
from problems.trees.data.dataset import Feature, Table


def context(columns: Columns, task: str = "", described: Mapping[str, str] | None = None) -> str:
    """Return the task, every column with its meaning and values, and the classes, in short lines.

    Args:
        columns: What there is; trees say classes by their number.
        task: What is to be predicted, in words; empty for nothing said.
        described: What columns mean, by name.
    """
    described = described or {}
    lines = [task] if task else []
    listed = zip(columns.tokens, columns.columns, columns.category_tokens, strict=True)
    for token, column, labels in listed:
        values = f"one of {' '.join(labels)}" if labels else _range(column)
        facts = [described.get(column.name, ""), column.unit, values]
        said = ", ".join(fact for fact in facts if fact)
        lines.append(f"{token}: {said}" if said else token)
    if columns.classes:
        named = ", ".join(f"{i} = {label}" for i, label in enumerate(columns.classes))
        lines.append(f"classes: {named}")
    return "\n".join(lines)


def numbered(columns: Columns) -> Columns:
    """Return the columns with classes called by their numbers, to keep trees in prompts short."""
    return replace(columns, classes=tuple(range(len(columns.classes))))


def columns_of(table: Table, rows: Any = slice(None)) -> Columns:
    """Describe a table's columns by some of its rows, those that a search may see."""
    return Columns.of(
        table.X[rows],
        [feature.name for feature in table.features],
        y=table.y[rows],
        classes=table.classes,
        categories={f.name: f.categories for f in table.features if _unordered(f)},
        units={f.name: f.unit for f in table.features if f.unit},
    )


def described(table: Table) -> dict[str, str]:
    """Return what a table's columns mean, by name; of codes that trees may cut, each one."""
    meanings = {feature.name: _meaning(feature) for feature in table.features}
    return {name: meaning for name, meaning in meanings.items() if meaning}


def _meaning(feature: Feature) -> str:
    labels = () if _unordered(feature) else feature.categories
    codes = [f"{code} = {label}" for code, label in enumerate(labels)]
    return ", ".join(part for part in (feature.description, *codes) if part)


def _unordered(feature: Feature) -> bool:
    """Say whether a column's codes are names only; flags and ordered codes can be cut."""
    return feature.kind == "category" and not feature.ordered


def _range(column: Column) -> str:
    if not (isfinite(column.low) and isfinite(column.high)):
        return ""
    return f"{number(column.low)} to {number(column.high)}"
