"""Trees as JSON, and a JSON schema of trees of bounded depth."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from evollm.llm.client.schemas import parse_json
from evollm.types import JSON
from operators.trees.columns import Column, Columns, same_label
from operators.trees.genome import Leaf, Split, Tree
from operators.trees.line import question, value_word
from operators.trees.reading import Fault, Reading, outside, read_codes, read_feature

_BRACKET = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.)*"')
_KEYS = {"feature", "threshold", "in", "left", "right", "missing"}


def as_json(tree: Tree, columns: Columns) -> dict[str, JSON]:
    """Return a tree as nested dicts with unrounded numbers.

    ``{"feature": name, "threshold": number, "left": ..., "right": ...}`` sends rows left if they
    are at most the threshold, with ``"in": [labels]`` instead if they are in these categories, and
    with ``"missing": "left"`` also if the value is missing; a leaf is ``{"value": class or
    number}``.

    Raises:
        EvollmError: If the tree refers to an unknown column, category or class.
    """
    if isinstance(tree, Leaf):
        value_word(tree.value, columns)  # raises an error for an unknown class
        return {"value": columns.classes[int(tree.value)] if columns.classes else tree.value}
    question(tree, columns)
    column = columns.columns[tree.feature]
    labels: list[JSON] = [column.categories[code] for code in tree.categories]
    return {
        "feature": column.name,
        **({"in": labels} if labels else {"threshold": tree.threshold}),
        **({"missing": "left"} if tree.missing_left else {}),
        "left": as_json(tree.left, columns),
        "right": as_json(tree.right, columns),
    }


def read_json(value: JSON, columns: Columns, most: int) -> Reading:
    """Read a tree from parsed JSON, which is untrusted and may be any value.

    Args:
        value: The value, in the form of ``as_json``.
        columns: Names of columns, categories and classes.
        most: Maximum depth.
    """
    try:
        tree = _tree(value, columns, most)
    except Fault as fault:
        return Reading(None, fault.kind, fault.detail)
    return Reading(tree, outside=outside(tree, columns))


def read_json_text(text: str, columns: Columns, most: int) -> Reading:
    """Read a tree from an answer that is JSON or contains it in a fenced block.

    Missing closing brackets are added; see ``read_json`` for the rest.
    """
    for attempt in (text, text + _closing(text)):
        try:
            value = parse_json(attempt)
        except ValueError:
            continue
        return replace(read_json(value, columns, most), repaired=attempt is not text)
    return Reading(None, "malformed", "the text is not JSON")


def _closing(text: str) -> str:
    """Return the missing closing brackets of a JSON text, innermost first."""
    missing: list[str] = []
    for piece in _BRACKET.findall(text):
        if piece in "{[":
            missing.append("}" if piece == "{" else "]")
        elif piece in "}]" and missing:
            missing.pop()
    return "".join(reversed(missing))


def _tree(value: JSON, columns: Columns, most: int) -> Tree:
    if not isinstance(value, Mapping):
        raise Fault("malformed", f"a tree is an object, not {str(value)[:40]}")
    if "value" in value:
        if set(value) != {"value"}:
            raise Fault("malformed", "a leaf holds its value and nothing else")
        return Leaf(_value(value["value"], columns))
    if most <= 0:
        raise Fault("too deep", "the tree is deeper than allowed")
    lacking = {"feature", "left", "right"} - set(value)
    if lacking or set(value) - _KEYS or ("in" in value) == ("threshold" in value):
        raise Fault("malformed", "a split holds feature, threshold (or in), left and right")
    feature = read_feature(str(value["feature"]), columns)
    threshold, categories = _test(value, feature, columns)
    left, right = (_tree(value[side], columns, most - 1) for side in ("left", "right"))
    return Split(feature, threshold, left, right, categories, _missing(value))


def _test(
    value: Mapping[str, JSON], feature: int, columns: Columns
) -> tuple[float, tuple[int, ...]]:
    """Return a split's threshold and categories."""
    column = columns.columns[feature]
    if ("in" in value) != bool(column.categories):
        form = "in" if column.categories else "threshold"
        raise Fault("malformed", f"'{column.name}' needs '{form}'")
    if not column.categories:
        return _finite(value["threshold"]), ()
    chosen = value["in"]
    kinds = (str,) if isinstance(column.categories[0], str) else (str, int, float)
    if not isinstance(chosen, list) or not chosen or not all(isinstance(c, kinds) for c in chosen):
        raise Fault("malformed", "'in' is a list of categories")
    return 0.0, read_codes(chosen, column.name, column.categories)


def _missing(value: Mapping[str, JSON]) -> bool:
    side = value.get("missing", "right")
    if side not in ("left", "right"):
        raise Fault("malformed", "'missing' is left or right")
    return bool(side == "left")


def _value(value: JSON, columns: Columns) -> float:
    if not columns.classes:
        return _finite(value)
    for index, label in enumerate(columns.classes):
        if same_label(value, label):
            return index
    raise Fault("unknown value", f"there is no class {str(value)[:40]!r}")


def _finite(value: JSON) -> float:
    """Return a JSON number if it is finite as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault("malformed", f"{str(value)[:40]!r} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise Fault("not finite", f"{str(value)[:40]} is not a finite number")
    return number


def schema(columns: Columns, most: int, shown: Collection[int] | None = None) -> dict[str, JSON]:
    """Return a JSON schema of trees without recursion: one definition per depth.

    The root must be a split, because some endpoints require an object there, and a single leaf is
    useless.

    Args:
        columns: The columns, with the names, categories and classes that may be used.
        most: Maximum depth, 1 or more.
        shown: The columns that may be tested; None for all.
    """
    listed = [c for i, c in enumerate(columns.columns) if shown is None or i in shown]
    leaf: dict[str, JSON] = {"enum": list(columns.classes)}
    held: dict[str, JSON] = {"value": leaf if columns.classes else {"type": "number"}}
    definitions: dict[str, JSON] = {"depth0": _object(held)}
    for level in range(1, most):
        options = [*_splits(listed, level), {"$ref": "#/$defs/depth0"}]
        definitions[f"depth{level}"] = {"anyOf": options}
    roots = _splits(listed, most)
    root = roots[0] if len(roots) == 1 else {"anyOf": roots}
    return {**root, "$defs": definitions}


def _splits(columns: Sequence[Column], level: int) -> list[dict[str, JSON]]:
    """Return the schemas of a split at a level, whose branches have one level less."""
    branches = {side: {"$ref": f"#/$defs/depth{level - 1}"} for side in ("left", "right")}
    plain = [column.name for column in columns if not column.categories]
    number = {"feature": {"enum": plain}, "threshold": {"type": "number"}}
    options = [_object(number | branches)] if plain else []
    for column in columns:
        if column.categories:
            labels = {"type": "array", "items": {"enum": list(column.categories)}, "minItems": 1}
            options.append(_object({"feature": {"enum": [column.name]}, "in": labels} | branches))
    return options


def _object(properties: Mapping[str, Any]) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
