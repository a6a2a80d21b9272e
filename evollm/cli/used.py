"""Refuses options that would have no effect with the chosen method, kind or the like."""

from collections.abc import Collection, Mapping
from typing import Any

from evollm.cli.options import flagged, held_at, options_of
from evollm.errors import EvollmError


def check_used(settings: Any, by: str, used: Mapping[Any, Collection[str]]) -> None:
    """Refuse changed options that the chosen value of another option leaves without effect.

    Args:
        settings: A dataclass of settings.
        by: The field of the other option, such as ``"method"``.
        used: For each of its values, the fields that have an effect with it, or the field that
            contains them; fields that are named for no value always have one.

    Raises:
        EvollmError: If there is such an option.
    """
    chosen = getattr(settings, by)
    known = {field for fields in used.values() for field in fields}
    here = used.get(chosen, ())
    for name, leaves in options_of(type(settings)).items():
        paths = [leaf.path for leaf in leaves if held_at(settings, leaf.path) != leaf.default]
        about = any(_is_in(path, known) for path in paths)
        if about and not any(_is_in(leaf.path, here) for leaf in leaves):
            raise EvollmError(
                f"{flagged(name)} is not an option of {flagged(by)} {chosen}: leave it out"
            )


def _is_in(path: str, fields: Collection[str]) -> bool:
    """Return whether a field is one of these, or is contained in one."""
    return any(path == field or path.startswith(f"{field}.") for field in fields)
