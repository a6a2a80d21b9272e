"""Loading: the object that a user's file defines under a name."""

import importlib.util
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, count
from pathlib import Path
from types import ModuleType
from typing import Any

from evollm.checks import nearest
from evollm.errors import EvollmError
from evollm.executors.pickling import by_value
from evollm.paths import anchored


@dataclass(frozen=True, slots=True)
class Named:
    """A function in a file, sent to workers as its path and name.

    Attributes:
        file: The path as recorded: relative if the file is below the current folder, so that a run
            resumes after the folder has been moved.
        name: The function's name.
        place: The absolute path, for workers in other folders.
    """

    file: str
    name: str
    place: str = field(metadata={"parameter": False})

    @property
    def __name__(self) -> str:
        """The function's name, under which the problem is recorded."""
        return self.name

    def __call__(self, point: Any) -> Any:
        """Call the function, which is loaded once per process."""
        return _load(self.place, self.name)(point)


def named(text: str) -> Named:
    """Return the function that ``FILE.py:NAME`` refers to.

    Raises:
        EvollmError: If the text has another form, the file can't be loaded, or it does not define
            such a function.
    """
    file, name = _parts(text)
    found = Named(place(file), name, str(anchored(file).resolve()))
    _load(found.place, name)
    return found


def place(file: str) -> str:
    """Return a file's path as recorded: relative to the current folder if the file is below it."""
    whole, here = anchored(file).resolve(), Path.cwd()
    return (whole.relative_to(here) if whole.is_relative_to(here) else whole).as_posix()


def public(file: str) -> dict[str, Any]:
    """Return the objects that a file defines, by name, without those it imports.

    Raises:
        EvollmError: If the file can't be loaded.
    """
    module = _module(str(anchored(file).resolve()))
    return {
        name: held
        for name, held in vars(module).items()
        if not name.startswith("_")
        and (not isinstance(held, type) or held.__module__ == module.__name__)
    }


def attribute(text: str) -> Any:
    """Return the object of any kind that ``FILE.py:NAME`` refers to.

    Raises:
        EvollmError: If the text has another form, the file can't be loaded, or it does not define
            the name.
    """
    file, name = _parts(text)
    return _attribute(str(anchored(file).resolve()), name)


def _parts(text: str) -> tuple[str, str]:
    file, colon, name = text.rpartition(":")
    if not (colon and file and name):
        raise EvollmError(f"'{text}' does not name an object in a file: give FILE.py:NAME")
    return file, name


def _load(file: str, name: str) -> Callable[[Any], Any]:
    """Load the file and return the function."""
    found = _attribute(file, name)
    if not callable(found):
        raise EvollmError(f"{file} does not define a function {name}")
    function: Callable[[Any], Any] = found
    return function


def _attribute(file: str, name: str) -> Any:
    module = _module(file)
    if not hasattr(module, name):
        raise EvollmError(f"{file} does not define {name}{nearest(name, _public(module))}")
    return getattr(module, name)


def _public(module: ModuleType) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]


@cache
def _module(file: str) -> ModuleType:
    """Load the user's file as a module whose classes are found by name and pickled by value."""
    name = _module_name(file)
    spec = importlib.util.spec_from_file_location(name, file)
    if not Path(file).is_file() or spec is None or spec.loader is None:
        raise EvollmError(f"there is no Python file {file}: give FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a script may call sys.exit
        del sys.modules[name]
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise EvollmError(f"{file} can't be loaded: {cause}") from None
    by_value(module)
    return module


def _module_name(file: str) -> str:
    """Return the name under which a file is loaded: its own, unless another module has that name.

    A record names classes by their module, so the name must be the same in the next process.
    """
    stem = re.sub(r"\W", "_", Path(file).stem)
    names = chain([stem, f"{stem}_file"], (f"{stem}_file{i}" for i in count(2)))
    return next(name for name in names if not _taken(name, file))


def _taken(name: str, file: str) -> bool:
    if name in sys.modules:
        return True
    spec = importlib.util.find_spec(name)
    return spec is not None and Path(spec.origin or "").resolve() != Path(file)
