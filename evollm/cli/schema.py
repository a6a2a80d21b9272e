"""``evollm schema``: what a configuration file may contain, as JSON schema."""

import argparse
import dataclasses
import json
from collections.abc import Mapping
from math import inf, isinf
from typing import Any, get_args

from evollm.cli.commands import NoOptions, command, commands, in_file
from evollm.cli.config import PARTS
from evollm.cli.fields import Leaf, is_literal, options_of, parts_of
from evollm.errors import EvollmError, OutOfRange

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAMES: Mapping[Any, str] = {int: "integer", float: "number", str: "string", bool: "boolean"}
_FILE = "FILE.py:SYSTEM"
_IN_FILE = r"\.py:"
_TITLES = {"options": "the problem's", "limits": "when it ends", "run": "where and how it works"}
_TITLES |= {"model": "which language model is used"}


def describe(parts: Any, finish: Any) -> None:
    """Add the command to those of the command line."""
    help = "print the JSON schema of configuration files"
    one = parts.add_parser("schema", help=help, description=help)
    one.add_argument(
        "problem", nargs="?", metavar="PROBLEM", help="of this problem only (default: of all)"
    )
    finish(one, _schema)


def _schema(args: argparse.Namespace) -> int:
    print(json.dumps(schema(args.problem), indent=2))
    return 0


def schema(problem: str | None = None) -> dict[str, Any]:
    """Return the JSON schema of a problem's configuration, or of those of all problems.

    Args:
        problem: The problem's name, or ``FILE.py:SYSTEM``; None for all that are registered.

    Raises:
        EvollmError: If there is no such problem.
    """
    shared = {part: _part(kind, _TITLES[part]) for part, kind in PARTS.items()}
    head = {"$schema": DRAFT, "title": "The configuration of a run of evollm"}
    if problem is not None:
        return head | _whole(problem, command(problem).options) | {"$defs": shared}
    known = {name: _whole(name, found.options) for name, found in commands().items()}
    which = {name: {"const": name} for name in known} | {_FILE: {"pattern": _IN_FILE}}
    cases = [
        {"if": {"properties": {"problem": one}}, "then": {"$ref": f"#/$defs/{name}"}}
        for name, one in which.items()
    ]
    text = "name of the problem, or FILE.py:SYSTEM"
    named = {"type": "string", "anyOf": list(which.values()), "description": text}
    return {
        **head,
        "type": "object",
        "required": ["problem"],
        "properties": {"problem": named},
        "allOf": cases,
        "$defs": known | {_FILE: _whole(_FILE, NoOptions)} | shared,
    }


def _whole(problem: str, options: type[Any]) -> dict[str, Any]:
    """Return the schema of one problem's configuration."""
    name = {"pattern": _IN_FILE} if in_file(problem) else {"const": problem}
    parts = {part: {"$ref": f"#/$defs/{part}"} for part in PARTS}
    properties = {
        "problem": {"type": "string", **name},
        "options": _part(options, _TITLES["options"]),
    }
    return {
        "type": "object",
        "required": ["problem"],
        "properties": properties | parts,
        "additionalProperties": False,
    }


def _part(kind: type[Any], title: str) -> dict[str, Any]:
    """Return the schema of a section: a property for each option, and for each field's path."""
    top: dict[str, Any] = {}
    defaults = kind()
    for name, leaves in options_of(kind).items():
        found = _property(leaves, defaults)
        for place in dict.fromkeys([name, *(leaf.path for leaf in leaves)]):
            _put(top, place.split("."), found)
    return {"description": title, "type": "object", **_object(top)}


def _put(tree: dict[str, Any], path: list[str], found: dict[str, Any]) -> None:
    """Put a property at its place; a name may also be the beginning of another one's path."""
    own, inner = tree.setdefault(path[0], ([], {}))
    if len(path) > 1:
        _put(inner, path[1:], found)
    else:
        own.append(found)


def _object(tree: dict[str, Any]) -> dict[str, Any]:
    properties = {}
    for name, (own, inner) in tree.items():
        forms = own[:1] + ([{"type": "object", **_object(inner)}] if inner else [])
        properties[name] = forms[0] if len(forms) == 1 else {"anyOf": forms}
    return {"properties": properties, "additionalProperties": False}


def _property(leaves: list[Leaf], defaults: Any) -> dict[str, Any]:
    """Return the schema of one option, for the fields that it sets."""
    leaf = leaves[0]
    found: dict[str, Any] = {"description": "; ".join(dict.fromkeys(one.help for one in leaves))}
    if leaf.default is not None and not (isinstance(leaf.default, float) and isinf(leaf.default)):
        found["default"] = leaf.default
    form = _form(leaf, defaults)
    if type(None) in parts_of(leaf.hint) and form.get("type") != "string":
        return {**found, "anyOf": [form, {"const": "none"}]}
    return found | form


def _form(leaf: Leaf, defaults: Any) -> dict[str, Any]:
    """Return which values an option takes, apart from none."""
    [main] = [part for part in parts_of(leaf.hint) if part is not type(None)]
    choices = list(get_args(main)) if is_literal(main) else list(leaf.more.get("choices", ()))
    if choices:
        return {"enum": choices}
    least = _least(leaf, defaults, main) if main in (int, float) else None
    return {"type": _NAMES[main]} | ({} if least is None else {"minimum": least})


def _least(leaf: Leaf, defaults: Any, kind: type[Any]) -> float | None:
    """Return the smallest valid number: the one that the settings name if they refuse another."""
    *outer, name = leaf.path.split(".")
    for part in outer:
        defaults = getattr(defaults, part)
    try:
        dataclasses.replace(defaults, **{name: -(2**62) if kind is int else -inf})
    except OutOfRange as error:
        return error.least
    except EvollmError:
        return None
    return None
