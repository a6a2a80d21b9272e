"""Paths: turns a user's paths into absolute ones, and back for messages."""

from os import PathLike
from pathlib import Path

from evollm.errors import EvollmError


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


def brief(path: Path) -> str:
    """Return a path for messages: relative if it is below the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)
