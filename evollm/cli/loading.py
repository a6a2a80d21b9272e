"""Loading: what a file of the user holds under a name."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from evollm.checks import nearest
from evollm.errors import EvollmError
from evollm.executors.processes import by_value
from evollm.paths import anchored


@dataclass(frozen=True, slots=True)
class Named:
    """A function in a file, which travels to workers by its place.

    Attributes:
        file: As it is recorded: relative to the current folder if it lies below it, so that a
            resume works where the folder has been moved to.
        name: The function's.
        place: The whole path, for workers in other folders.
    """

    file: str
    name: str
    place: str = field(metadata={"parameter": False})

    @property
    def __name__(self) -> str:
        """The function's name, under which the problem is recorded."""
        return self.name

    def __call__(self, point: Any) -> Any:
        """Call the function, loaded once a process."""
        return _load(self.place, self.name)(point)


def named(text: str) -> Named:
    """Return the function that ``FILE.py:NAME`` means.

    Raises:
        EvollmError: If the text has another form, the file can't be loaded, or it has no such
            function.
    """
    file, name = _parts(text)
    place, here = anchored(file).resolve(), Path.cwd()
    recorded = place.relative_to(here) if place.is_relative_to(here) else place
    found = Named(recorded.as_posix(), name, str(place))
    _load(found.place, name)
    return found


def attribute(text: str) -> Any:
    """Return what ``FILE.py:NAME`` means, whatever it is.

    Raises:
        EvollmError: If the text has another form, the file can't be loaded, or lacks the name.
    """
    file, name = _parts(text)
    return _attribute(str(anchored(file).resolve()), name)


def _parts(text: str) -> tuple[str, str]:
    file, colon, name = text.rpartition(":")
    if not (colon and file and name):
        raise EvollmError(f"'{text}' names nothing in a file: give FILE.py:NAME")
    return file, name


def _load(file: str, name: str) -> Callable[[Any], Any]:
    """Return the user's function from the user's file."""
    found = _attribute(file, name)
    if not callable(found):
        raise EvollmError(f"{file} has no function {name}")
    function: Callable[[Any], Any] = found
    return function


def _attribute(file: str, name: str) -> Any:
    module = _module(file)
    if not hasattr(module, name):
        raise EvollmError(f"{file} has no {name}{nearest(name, _public(module))}")
    return getattr(module, name)


def _public(module: ModuleType) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]


@cache
def _module(file: str) -> ModuleType:
    """Load the user's file; its classes can be found by name, and travel to workers by value."""
    stem = Path(file).stem
    spec = importlib.util.spec_from_file_location(stem, file)
    if not Path(file).is_file() or spec is None or spec.loader is None:
        raise EvollmError(f"there is no Python file {file}: give FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    known = sys.modules.setdefault(stem, module)
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a script may well call sys.exit
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise EvollmError(f"{file} can't be loaded: {said}") from None
    if known is module:
        by_value(module)
    return module
