"""Commands: what a package registers under ``evollm.problems`` to appear in the command line."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Protocol

from evollm.checks import nearest
from evollm.cli.loading import attribute, place, public
from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel
from evollm.shadows import PACKAGES, check_shadows
from evollm.system import System

GROUP = "evollm.problems"
_VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def unchanged(model: Any) -> Any:
    """Return the model as it is."""
    return model


class Connect(Protocol):
    """Connects to the language model that the user chose."""

    @property
    def local(self) -> str | None:
        """Its name if a process can run it itself: for systems that do; None for an endpoint's.

        Such names are ``"offline"``, ``hf:OWNER/MODEL``, GGUF files and folders; ``"offline"`` if
        none is named.
        """
        ...

    def __call__(self, prepare: Callable[[Any], Any] = unchanged) -> LanguageModel:
        """Return the model, to be asked for answers.

        Args:
            prepare: What the system does with it first, such as giving it an adapter, so that the
                model that is asked is the one that is reached before the search.

        Raises:
            EvollmError: If it is not available, or only systems that run models themselves can use
                it.
        """
        ...


class Command(Protocol):
    """One problem of the command line."""

    @property
    def help(self) -> str:
        """One line of help."""
        ...

    @property
    def options(self) -> type[Any]:
        """The frozen dataclass whose fields are the options; see ``evollm.cli.options``."""
        ...

    def system(self, options: Any, connect: Connect) -> System[Any]:
        """Return the system that the options describe.

        Args:
            options: An instance of ``self.options``.
            connect: Returns the language model that the user chose; call it only if a model is
                needed and this system does not run it itself.

        Raises:
            EvollmError: If an option is invalid; this is checked before connecting to the model.
        """
        ...


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of a system without options."""


@dataclass(frozen=True, slots=True)
class FileCommand:
    """A system in a user's file, named ``FILE.py:NAME``.

    Attributes:
        where: The file and the name of a ``System``, of a subclass whose constructor needs no
            arguments, or of a function that returns a system. A parameter named ``model`` receives
            the language model that the user chose.
    """

    where: str
    options: type[Any] = NoOptions

    def __post_init__(self) -> None:
        if self.where.endswith(".py"):
            names = [name for name, held in public(self.where).items() if _is_system(held)]
            holds = (
                f"defines the systems {', '.join(names)}"
                if names
                else "does not define an evollm.System"
            )
            raise EvollmError(
                f"{self.where} {holds}: name a system, or a function that returns one, as "
                f"{self.where}:{names[0] if names else 'NAME'}"
            )

    @property
    def help(self) -> str:
        """One line of help."""
        return f"the system {self.where}"

    def system(self, options: Any, connect: Connect) -> System[Any]:
        """Return the system that the file defines.

        Raises:
            EvollmError: If the file does not define that name, or calling it needs other arguments.
        """
        found = attribute(self.where)
        if callable(found) and not isinstance(found, System):
            found = self._called(found, connect)
        if not isinstance(found, System):
            raise EvollmError(
                f"{self.where} must be an evollm.System or a function that returns one, "
                f"not {type(found).__name__}"
            )
        return found

    def _called(self, make: Callable[..., Any], connect: Connect) -> Any:
        parameters = signature(make).parameters
        for name, one in parameters.items():
            if name != "model" and one.default is one.empty and one.kind not in _VARIABLE:
                raise EvollmError(
                    f"{self.where} must be callable without arguments, or with model=... only: "
                    f"give its parameter '{name}' a default"
                )
        return make(model=connect()) if "model" in parameters else make()


def _is_system(held: Any) -> bool:
    if isinstance(held, type):
        return issubclass(held, System) and held is not System
    return isinstance(held, System)


def in_file(name: str) -> bool:
    """Return whether a problem's name refers to a system in a user's file."""
    return name.endswith(".py") or ".py:" in name


def recorded(name: str) -> str:
    """Return a problem's name as it is recorded: for a file its path, see ``loading.place``."""
    if not in_file(name):
        return name
    file, colon, attribute = name.rpartition(":")
    return f"{place(file)}{colon}{attribute}" if colon else name


def commands() -> dict[str, Command]:
    """Return all registered commands by name, sorted."""
    return registered(GROUP, "problem")


def registered(group: str, what: str) -> dict[str, Any]:
    """Return the objects that are registered in a group of entry points by name, sorted.

    If evollm runs from a source folder that is not installed, the entry points are read from its
    ``pyproject.toml``.

    Args:
        group: The group.
        what: What its members are, for errors.

    Raises:
        EvollmError: If one can't be imported.
    """
    found = {entry.name: entry.value for entry in entry_points(group=group)}
    project = Path(__file__).parents[2] / "pyproject.toml"
    if project.is_file():
        entries = tomllib.loads(project.read_text()).get("project", {}).get("entry-points", {})
        found = dict(entries.get(group, {})) | found
    return {name: _load(name, where, what) for name, where in sorted(found.items())}


def _load(name: str, where: str, what: str) -> Any:
    """Import the object that an entry point names."""
    module, _, attribute = where.partition(":")
    if module.split(".")[0] in PACKAGES:
        check_shadows(*PACKAGES)
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise EvollmError(
            f"the {what} '{name}' can't be loaded from {where} ({error}): reinstall its package"
        ) from None


def command(name: str) -> Command:
    """Return one command, registered or in a file.

    Raises:
        EvollmError: If no such command is registered, or the name is a file without an object's
            name.
    """
    if in_file(name):
        return FileCommand(name)
    known: Mapping[str, Command] = commands()
    if name not in known:
        raise EvollmError(f"there is no problem '{name}'{nearest(name, list(known))}")
    return known[name]
