"""Shadows: user files that hide one of this distribution's packages."""

import importlib.util
import sys
from pathlib import Path

from evollm.errors import EvollmError

PACKAGES = ("evollm", "operators", "problems")
_HOME = Path(__file__).parents[1]


def shadow(package: str) -> Path | None:
    """Return the file or folder that Python imports in place of a package; None if there is none.

    Args:
        package: A package of this distribution.
    """
    try:
        found = importlib.util.find_spec(package)
    except ValueError:  # a script may have replaced it
        return Path(str(getattr(sys.modules[package], "__file__", package)))
    if found is None:
        return None
    places = [found.origin] if found.origin else list(found.submodule_search_locations or ())
    wrong = [Path(place) for place in places if not _ours(Path(place), _HOME / package)]
    return wrong[0] if wrong else None


def _ours(place: Path, home: Path) -> bool:
    return place.is_relative_to(home) or place.resolve().is_relative_to(home.resolve())


def check_shadows(*packages: str) -> None:
    """Check that packages are imported from this distribution.

    Args:
        packages: Some of ``PACKAGES``.

    Raises:
        EvollmError: If a file hides one of them; the message names it.
    """
    for package in packages:
        if (file := shadow(package)) is not None:
            raise EvollmError(
                f"{file} hides the package '{package}', which evollm needs: rename it, or run from "
                "another folder"
            )
