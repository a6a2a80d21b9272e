"""Paths: turns a user's paths into absolute ones, and back for messages."""

import os
from os import PathLike
from pathlib import Path

from evollm.errors import EvollmError

TRAINING, TRAINED = "state.pt", "adapter_model.safetensors"
"""Files of a training's folder: its checkpoint, and at the end the adapter."""


def anchored(path: str | PathLike[str]) -> Path:
    """Return an absolute path with ``~`` expanded, which is independent of the working directory.

    Raises:
        EvollmError: If it is not a path, or its home or the working directory is unknown.
    """
    try:
        return Path(path).expanduser().absolute()
    except TypeError:
        raise EvollmError(f"a path must be a string or a Path, not {path!r}") from None
    except (RuntimeError, OSError) as error:
        raise EvollmError(
            f"the path {path} can't be resolved ({error}): give an absolute path"
        ) from None


def creatable(path: str | PathLike[str]) -> Path:
    """Return an absolute path at which there is a folder, or one can be made; nothing is made.

    Raises:
        EvollmError: If something else is there or on the way, or nothing may be written there.
    """
    found = anchored(path)
    try:
        nearest = next(one for one in (found, *found.parents) if one.exists())
    except OSError as error:
        raise EvollmError(
            f"{found} can't be a folder ({error.strerror}): name another one"
        ) from None
    if not nearest.is_dir():
        raise EvollmError(f"{found} can't be a folder, as {nearest} is a file: name another one")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise EvollmError(
            f"{found} can't be a folder, as nothing may be written to {nearest}: name another one"
        )
    return found


def save(text: str, path: str | PathLike[str], what: str) -> Path:
    """Write a text to a file, and return its absolute path.

    Args:
        text: The text, written as UTF-8.
        path: The file; its folder must exist.
        what: What the text is, for the message.

    Raises:
        EvollmError: If the file can't be written.
    """
    file = anchored(path)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EvollmError(
            f"can't write the {what} {brief(file)} ({error.strerror}): name another file"
        ) from None
    return file


def brief(path: Path) -> str:
    """Return a path for messages: relative if it is below the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)
