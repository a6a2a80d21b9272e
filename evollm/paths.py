"""Paths: what a user wrote, as a place that stays where it is."""

from os import PathLike
from pathlib import Path

from evollm.errors import EvollmError


def anchored(path: str | PathLike[str]) -> Path:
    """Return a path from the root, ``~`` expanded, whatever the working directory becomes later.

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
    """Return how to write a path for the user: from the working directory if it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)
