"""Which adapter a search for trees uses, and how a taught model is asked."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.offline.adapters import adapted, is_offline, located
from problems.trees.llego import LLEGOSettings

DEFAULT, NONE = "default", "none"
FILE = Path(__file__).with_name("trees.gguf")
RECORD = Path(__file__).with_name("trees.json")
TAUGHT: Mapping[str, Any] = MappingProxyType({"hints": 8, "semantics": False, "spare": 0})
"""Settings with which a model was taught: numbered columns, and the best splits in the prompt.

Answers that are held to a grammar can be read, and so none is asked for to spare.
"""


def taught(
    settings: LLEGOSettings, model: Any, name: str | Path | None
) -> tuple[LLEGOSettings, Any]:
    """Return a model with an adapter, and the settings with which it is asked.

    Args:
        settings: The settings for an untaught model.
        model: The offline model, or one in a GGUF file.
        name: ``"none"`` or None; ``"default"`` for the adapter of the package, which is for the
            offline model alone; or a GGUF file, or a folder that ``evollm tune trees`` wrote.

    Raises:
        EvollmError: If there is no such file, the model can't have the adapter, or trees are asked
            for in another way than was taught.
    """
    if name in (None, NONE):
        return settings, model
    assert name is not None
    file = FILE if name == DEFAULT else located(name, f", '{DEFAULT}' or '{NONE}'")
    asked = _as_taught(settings)
    if name == DEFAULT and not is_offline(model):
        raise EvollmError(
            f"the adapter of the package is for the offline model, not for {model.name}: name one "
            "that evollm tune trees wrote for it, or none"
        )
    return asked, adapted(model, file)


def _as_taught(settings: LLEGOSettings) -> LLEGOSettings:
    """Return settings with those that were taught; refuse what is set to something else."""
    if (settings.form, settings.mode) != ("line", "plain"):
        raise EvollmError("an adapter for trees needs the form line and the mode plain")
    if settings.rewriting or settings.start == "model":
        raise EvollmError(
            "an adapter for trees was taught crossover and mutation: leave rewriting and the start "
            "by the model out"
        )
    wanted = dict(TAUGHT)
    if settings.hold == "none":
        del wanted["spare"]
    for name, value in wanted.items():
        if getattr(settings, name) not in (value, None):
            raise EvollmError(
                f"with an adapter for trees {name} is {value}, not {getattr(settings, name)}: "
                "leave it out"
            )
    return replace(settings, **wanted)
