"""Fields: the options that a class of settings declares by its types, defaults and docstring."""

import dataclasses
import re
import types
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from types import MappingProxyType
from typing import (
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

Aliases: TypeAlias = Mapping[str, str | None]
"""Names of options that differ from their fields', by the path of the field; see ``Aliased``."""


NONE: Aliases = MappingProxyType({})


class Aliased(Protocol):
    """A class of settings that gives some of its options other names.

    Attributes:
        aliases: Maps the path of a field, such as ``form.loss``, to the name of its option. For a
            field that contains settings, the name is a prefix of their options' names, and an empty
            name means no prefix. ``None`` means that the field is not an option. Fields with the
            same name form one option that sets all of them.
    """

    aliases: ClassVar[Aliases]


def option(default: Any, **more: Any) -> Any:
    """Declare a field whose option needs more than a type and a docstring.

    Args:
        default: The field's default.
        more: Arguments of ``argparse``: ``metavar``, or ``choices`` that the type does not list.
    """
    return dataclasses.field(default=default, metadata=more)


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """A field that is an option, or one of several fields that an option sets.

    Attributes:
        path: Path of the field: ``form.loss`` for the field ``loss`` of the settings in ``form``.
        name: Name of the option, without dashes.
        hint: Type of the field.
        default: Default of the field; ``dataclasses.MISSING`` if it has none.
        help: Its description in the docstring.
        more: Further arguments of ``argparse``.
    """

    path: str
    name: str
    hint: Any
    default: Any
    help: str
    more: Mapping[str, Any]

    @property
    def described(self) -> str:
        """Return the help with the default."""
        if self.default is dataclasses.MISSING:
            return self.help
        shown = "none" if self.default is None else self.default
        return f"{self.help} (default: {shown})".strip()


def options_of(kind: type[Any]) -> dict[str, list[Leaf]]:
    """Return a class's options by name, each with the fields that it sets."""
    found: dict[str, list[Leaf]] = {}
    for leaf in leaves_of(kind):
        found.setdefault(leaf.name, []).append(leaf)
    return found


def leaves_of(kind: type[Any], held: Any = None, given: Aliases = NONE) -> Iterator[Leaf]:
    """Yield the options of a class; ``held`` is an instance whose values replace the defaults."""
    aliases = {**getattr(kind, "aliases", {}), **given}
    hints, helps = get_type_hints(kind), explained(kind)
    for item in dataclasses.fields(kind):
        name = aliases.get(item.name, item.name)
        default = default_of(item) if held is None else getattr(held, item.name)
        hint = hints[item.name]
        if name is None or not item.init:
            continue
        if _readable(hint):
            yield Leaf(item.name, name, hint, default, helps.get(item.name, ""), item.metadata)
        elif isinstance(hint, type) and isinstance(default, hint) and _settings(hint):
            for leaf in leaves_of(hint, default, below(item.name, aliases)):
                path = f"{item.name}.{leaf.path}"
                plain = aliases.get(path) or (f"{name}.{leaf.name}" if name else leaf.name)
                yield dataclasses.replace(leaf, path=path, name=plain)


def _settings(kind: type[Any]) -> bool:
    return bool(getattr(getattr(kind, "__dataclass_params__", None), "frozen", False))


def below(name: str, aliases: Aliases) -> Aliases:
    """Return the aliases of a field's own fields."""
    start = f"{name}."
    return {path.removeprefix(start): a for path, a in aliases.items() if path.startswith(start)}


def default_of(item: "dataclasses.Field[Any]") -> Any:
    """Return a field's default, newly created if it has a factory; ``MISSING`` if it has none."""
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return item.default


def explained(kind: type[Any]) -> dict[str, str]:
    """Return what the ``Attributes:`` sections of a class and its bases say, by field."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        section = re.search(
            r"^Attributes:\n((?: .*\n|\n)+)", cleandoc(vars(base).get("__doc__") or "") + "\n", re.M
        )
        for name, text in re.findall(
            r"^ {4}(\w+): (.*\n(?: {5,}.*\n)*)", section[1] if section else "", re.M
        ):
            found[name] = _phrase(" ".join(text.split()))
    return found


def _phrase(text: str) -> str:
    """Return a sentence as a line of help: no code marks, no initial capital unless in a name."""
    text = re.sub(r"\bNone\b", "none", text.replace("``", "").removesuffix("."))
    first = text.split(" ", 1)[0]
    return text if any(letter.isupper() for letter in first[1:]) else text[:1].lower() + text[1:]


def parts_of(hint: Any) -> tuple[Any, ...]:
    """Return the types that a union admits, or the one type."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _readable(hint: Any) -> bool:
    """Return whether a field of this type can be an option."""
    parts = [part for part in parts_of(hint) if part is not type(None)]
    return len(parts) == 1 and (parts[0] in (int, float, str, bool) or is_literal(parts[0]))


def is_literal(hint: Any) -> bool:
    """Return whether a type is a choice of words."""
    return get_origin(hint) is Literal
