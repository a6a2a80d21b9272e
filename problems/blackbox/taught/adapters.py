"""Which adapter a search of numbers uses: the one that comes with the package, another, or none."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.offline.adapters import adapted, is_offline, located
from problems.blackbox.framed import Framed

AUTO, DEFAULT, NONE = "auto", "default", "none"
HELPS = 10
"""Most coordinates for which the adapter of the package was measured to help."""
FILE = Path(__file__).with_name("default.gguf")
RECORD = Path(__file__).with_name("default.json")


def adapter_of(name: str | Path | None) -> Path | None:
    """Return the file of an adapter; None for no adapter.

    Args:
        name: ``"default"``, ``"none"`` or None, or a GGUF file; or a folder that ``evollm tune``
            wrote. ``"auto"`` is the default one.

    Raises:
        EvollmError: If there is no such file.
    """
    if name is None or name == NONE:
        return None
    if name in (AUTO, DEFAULT):
        return FILE
    return located(name, f", '{AUTO}', '{DEFAULT}' or '{NONE}'")


def taught(strategy: Framed, model: Any, name: str | Path, coordinates: int) -> tuple[Framed, Any]:
    """Return a model with an adapter, and the settings with which it is asked (``as_taught``).

    Args:
        strategy: The settings for an untaught model.
        model: The offline model, or one in a GGUF file, which can have an adapter; or any other.
        name: As for ``adapter_of``; ``"default"`` is for the offline model alone, and ``"auto"``
            uses it with that model where it was measured to help.
        coordinates: Of the function.

    Raises:
        EvollmError: If the model can't have the adapter that is named.
    """
    if name == AUTO and coordinates > HELPS:
        return strategy, model
    if name == AUTO and not is_offline(model):
        return strategy, model
    if name == DEFAULT and not is_offline(model):
        raise EvollmError(
            f"the adapter of the package is for the offline model, not for {model.name}: name one "
            "that evollm tune blackbox wrote for it, 'auto' or 'none'"
        )
    file = adapter_of(name)
    if file is None:
        return strategy, model
    return as_taught(strategy, coordinates), adapted(model, file)


def as_taught(strategy: Framed, coordinates: int) -> Framed:
    """Return settings as they are for a taught model.

    It writes rows by itself, and so it is not held to digits unless that is asked for. Its answers
    are as wide as its doubts, and so a fitted quadratic makes the last steps, by default. Of up to
    ten coordinates it is shown all, and of more pairs, unless a size is given.

    Args:
        strategy: The settings for an untaught model.
        coordinates: Of the function.
    """
    quadratic = True if strategy.quadratic is None else strategy.quadratic
    block = coordinates if strategy.block is None and coordinates <= HELPS else strategy.block
    held = bool(strategy.constrain)
    return replace(strategy, constrain=held, quadratic=quadratic, block=block)
