"""Options: the fields of (nested) frozen dataclasses, on the command line and in a configuration.

A class of settings is declared once: an option has the name, type and default of the field, and its
help is the field's description in the docstring's ``Attributes:`` section. Numbers, strings,
booleans and ``Literal`` are options, each with ``None`` if the field allows it; so are the fields
of a nested dataclass, as ``--tree-prompt.form``. Fields of other types are not options.
"""

import argparse
import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NoReturn, TypeVar, get_args

from evollm.checks import nearest
from evollm.cli.fields import (
    Aliases,
    Leaf,
    below,
    default_of,
    is_literal,
    leaves_of,
    option,
    options_of,
    parts_of,
)
from evollm.errors import EvollmError
from evollm.types import JSON

__all__ = [
    "Aliases",
    "Parser",
    "add",
    "build",
    "expand",
    "flagged",
    "given",
    "held_at",
    "option",
    "options_of",
    "values",
]

T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """A parser that accepts ``-5,5`` as a value, and reports an error in one sentence."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # argparse itself accepts plain negative numbers only, not pairs or exponents.
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def error(self, message: str) -> NoReturn:
        """Print the error without the list of all options, and exit."""
        self.exit(2, f"evollm: {message}; see {self.prog} --help\n")


def add(parser: argparse.ArgumentParser, kind: type[Any], title: str) -> None:
    """Add a dataclass's fields to a parser as options; options that are not given stay unset.

    Raises:
        EvollmError: If the parser already has an option of the same name.
    """
    group, options = parser.add_argument_group(title), options_of(kind)
    parts = {
        leaf.path.split(".")[0] for leaves in options.values() for leaf in leaves if _bare(leaf)
    }
    for name, leaves in options.items():
        flag = flagged(name)
        shown = {"metavar": None} if "choices" in leaves[0].more else {}
        more = {
            **_reader(leaves[0].hint),
            **shown,
            **leaves[0].more,
            "help": _help(leaves, len(parts) > 1),
        }
        try:
            group.add_argument(flag, dest=name, default=argparse.SUPPRESS, **more)
        except argparse.ArgumentError:
            raise EvollmError(
                f"the option {flag} of {kind.__name__} already exists in the command: rename the "
                f"field, or give it another name in {kind.__name__}.aliases"
            ) from None


def flagged(name: str) -> str:
    """Return an option's name as written on the command line."""
    return f"--{name.replace('_', '-')}"


def _help(leaves: list[Leaf], several: bool) -> str:
    """Return an option's help; if several fields contain settings, it names the field of each."""
    texts = [
        f"{leaf.path.split('.')[0]}: {leaf.described}"
        if several and _bare(leaf)
        else leaf.described
        for leaf in leaves
    ]
    return "; ".join(texts).replace("%", "%%")


def _bare(leaf: Leaf) -> bool:
    """Return whether a nested field is an option whose name lacks the path."""
    return "." in leaf.path and leaf.name != leaf.path


def _reader(hint: Any) -> dict[str, Any]:
    """Return the arguments with which argparse reads a field of this type."""
    [kind] = [part for part in parts_of(hint) if part is not type(None)]
    if is_literal(kind):
        return {"choices": list(get_args(kind))}
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if kind is str:
        return {"type": str, "metavar": "TEXT"}

    def read(text: str) -> Any:
        return None if text == "none" and type(None) in parts_of(hint) else kind(text)

    read.__name__ = kind.__name__  # argparse shows this name in errors
    return {"type": read, "metavar": "N" if kind is int else "X"}


def given(arguments: argparse.Namespace, kind: type[Any]) -> dict[str, JSON]:
    """Return the options of a dataclass that were given on the command line."""
    parsed = vars(arguments)
    return {name: parsed[name] for name in options_of(kind) if name in parsed}


def expand(kind: type[Any], given: Mapping[str, Any], where: str = "option") -> dict[str, JSON]:
    """Return values by the path of the field.

    Args:
        kind: A dataclass of settings.
        given: Values by the option's name or the field's path, as from argparse, TOML or a record;
            nested fields may also be a mapping. A path takes precedence over a name.
        where: What a key is called in an error.

    Raises:
        EvollmError: If a name is unknown (the message suggests the nearest one), or a value has the
            wrong type.
    """
    known = options_of(kind)
    places = {leaf.path: leaf for leaves in known.values() for leaf in leaves}
    named: dict[str, JSON] = {}
    exact: dict[str, JSON] = {}
    for key, value in _flat(given):
        if key not in known and key not in places:
            raise EvollmError(f"there is no {where} '{key}'{_nearest(key, known, places)}")
        for leaf in known.get(key) or [places[key]]:
            (named if key in known else exact)[leaf.path] = _checked(key, value, leaf, where)
    return named | exact


def _nearest(key: str, known: Collection[str], places: Collection[str]) -> str:
    """Return the end of a message about an unknown key: the nearest name or path."""
    return nearest(key, sorted({*known, *places} if "." in key else known))


def _flat(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in given.items():
        if isinstance(value, Mapping) and value:
            yield from ((f"{key}.{inner}", held) for inner, held in _flat(value))
        else:
            yield key, value


def _checked(name: str, value: Any, leaf: Leaf, where: str) -> Any:
    """Return a value, None for "none"; raise an error if the field's type does not allow it."""
    parts = parts_of(leaf.hint)
    choices = leaf.more.get("choices")
    if any(_fits(value, part) for part in parts) and (choices is None or value in choices):
        return value
    if value == "none" and type(None) in parts:
        return None
    wanted = (
        ", ".join(choices)
        if choices
        else " or ".join(
            ", ".join(map(str, get_args(part))) if is_literal(part) else part.__name__
            for part in parts
            if part is not type(None)
        )
    )
    raise EvollmError(f"the {where} '{name}' can't be {value!r}: it must be {wanted}")


def _fits(value: Any, kind: Any) -> bool:
    """Return whether a value has a type; an int passes as a float, a bool not as an int."""
    if is_literal(kind):
        return value in get_args(kind)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def build(kind: type[T], given: Mapping[str, Any], where: str = "option") -> T:
    """Create the dataclass from the given values, with defaults for the rest.

    Args:
        kind: A dataclass of settings.
        given: See ``expand``.
        where: What a key is called in an error.

    Raises:
        EvollmError: See ``expand``; also if the settings reject a value, which is named by its
            option.
    """
    made: T = _made(kind, None, expand(kind, given, where), list(leaves_of(kind)))
    return made


def _made(kind: type[Any], held: Any, values: Mapping[str, Any], leaves: list[Leaf]) -> Any:
    """Create settings, or ``held`` with other values, starting with the innermost."""
    changes: dict[str, Any] = {}
    for item in dataclasses.fields(kind):
        inside = below(item.name, values)
        if item.name in values:
            changes[item.name] = values[item.name]
        elif inside:
            default = default_of(item) if held is None else getattr(held, item.name)
            start = f"{item.name}."
            inner = [
                dataclasses.replace(leaf, path=leaf.path.removeprefix(start))
                for leaf in leaves
                if leaf.path.startswith(start)
            ]
            changes[item.name] = _made(type(default), default, inside, inner)
    try:
        return kind(**changes) if held is None else dataclasses.replace(held, **changes)
    except EvollmError as error:
        raise EvollmError(_renamed(str(error), leaves)) from None


def _renamed(message: str, leaves: list[Leaf]) -> str:
    """Return an error message that begins with a field's name with the option's name instead."""
    first, space, rest = message.partition(" ")
    deepest_last = sorted(leaves, key=lambda leaf: -leaf.path.count("."))
    names = {leaf.path.rpartition(".")[2]: leaf.name for leaf in deepest_last}
    return f"{flagged(names[first])}{space}{rest}" if first in names else message


def values(settings: Any) -> dict[str, JSON]:
    """Return settings by option name, or by path where the fields of an option differ."""
    found: dict[str, JSON] = {}
    for name, leaves in options_of(type(settings)).items():
        held = {leaf.path: held_at(settings, leaf.path) for leaf in leaves}
        same = all(value == held[leaves[0].path] for value in held.values())
        found |= {name: held[leaves[0].path]} if same else held
    return found


def held_at(settings: Any, path: str) -> Any:
    """Return the value of a field, which may be nested, as ``form.delta``."""
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings
