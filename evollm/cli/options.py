"""Options: a frozen dataclass's fields as command-line options and configuration keys."""

import argparse
import dataclasses
import re
import types
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from evollm.checks import nearest
from evollm.errors import EvollmError
from evollm.types import JSON

T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """Takes ``-5,5`` for a value, and says what is wrong with a call in one sentence."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # argparse itself knows plain negative numbers only, neither pairs nor exponents.
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def error(self, message: str) -> NoReturn:
        """Write the sentence without the list of all options, and exit."""
        self.exit(2, f"evollm: {message}; see {self.prog} --help\n")


def option(default: Any, help: str, **more: Any) -> Any:
    """Declare a dataclass field that is also an option.

    Args:
        default: What it is when nothing is said.
        help: One line for ``--help``; the default is added to it.
        more: Further arguments of ``argparse``: ``metavar``.
    """
    return dataclasses.field(default=default, metadata={"help": help, **more})


def add(parser: argparse.ArgumentParser, kind: type[Any], title: str) -> None:
    """Add a dataclass's fields to a parser as options; what is not given stays unset."""
    group = parser.add_argument_group(title)
    hints = get_type_hints(kind)
    for item in dataclasses.fields(kind):
        if "help" not in item.metadata:
            continue
        more = {name: value for name, value in item.metadata.items() if name != "help"}
        shown = "none" if item.default is None else item.default
        more |= {
            "help": f"{item.metadata['help']} (default: {shown})",
            "default": argparse.SUPPRESS,
        }
        group.add_argument(f"--{item.name.replace('_', '-')}", **(_reader(hints[item.name]) | more))


def _reader(hint: Any) -> dict[str, Any]:
    """Return how argparse reads a field of this type."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is Literal:
        return {"choices": list(get_args(hint))}
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    return {"type": hint, "metavar": {int: "N", float: "X"}.get(hint, "TEXT")}


def build(kind: type[T], given: Mapping[str, JSON], where: str = "option") -> T:
    """Make the dataclass from what was given, defaults for the rest.

    Args:
        kind: A dataclass whose fields were declared by ``option``.
        given: Values by field name, as from argparse, TOML or a record.
        where: What a key is called in an error.

    Raises:
        EvollmError: If a name is unknown, with the nearest one; or a value is of the wrong type.
    """
    names = {item.name for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    for name, value in given.items():
        if name not in names:
            raise EvollmError(f"there is no {where} '{name}'{nearest(name, sorted(names))}")
        _check(name, value, hints[name], where)
    return kind(**given)


def _check(name: str, value: Any, hint: Any, where: str) -> None:
    """Refuse a value that the field's type does not admit."""
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if any(_fits(value, part) for part in parts):
        return
    wanted = " or ".join(
        ", ".join(map(str, get_args(part))) if get_origin(part) is Literal else part.__name__
        for part in parts
        if part is not type(None)
    )
    raise EvollmError(f"the {where} '{name}' can't be {value!r}: it must be {wanted}")


def _fits(value: Any, kind: Any) -> bool:
    """Say whether a value is of a type; whole numbers are numbers too, truth values are not."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def given(arguments: argparse.Namespace, kind: type[Any]) -> dict[str, JSON]:
    """Return those of a dataclass's options that were said on the command line."""
    names = {item.name for item in dataclasses.fields(kind)}
    return {name: value for name, value in vars(arguments).items() if name in names}
