"""Which adapter a search for trees uses, and how a taught model is asked."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.offline.adapters import adapted, located
from problems.trees.llego import LLEGOSettings

DEFAULT, NONE = "default", "none"
FILE = Path(__file__).with_name("default.gguf")
RECORD = Path(__file__).with_name("default.json")
TAUGHT: Mapping[str, Any] = MappingProxyType({"hints": 8, "semantics": False, "spare": 0})
"""Settings with which a model was taught: numbered columns, and the best splits in the prompt.

Held to a grammar, it writes nothing that can't be used, and so no answers are to spare.
"""


def taught(settings: LLEGOSettings, model: Any, name: str | Path) -> tuple[LLEGOSettings, Any]:
    """Return a model with an adapter, and the settings with which it is asked.

    Args:
        settings: The settings for an untaught model.
        model: The offline model, or one in a GGUF file.
        name: ``"none"``; ``"default"`` for the adapter of the package, which is for the offline
            model alone; or a GGUF file, or a folder that ``evollm tune trees`` wrote.

    Raises:
        EvollmError: If there is no such file, the model can't have the adapter, or trees have
            another form than a line in a plain prompt.
    """
    from evollm.llm.offline.model import Offline

    if name == NONE:
        return settings, model
    file = FILE if name == DEFAULT else located(name, f", '{DEFAULT}' or '{NONE}'")
    if (settings.form, settings.mode) != ("line", "plain"):
        raise EvollmError("an adapter for trees needs the form line and the mode plain")
    if name == DEFAULT and isinstance(model, Offline) and model.service.model is not None:
        raise EvollmError(
            f"the adapter of the package is for the offline model, not for {model.name}: name one "
            "that evollm tune trees wrote for it, or none"
        )
    return replace(settings, **TAUGHT), adapted(model, file)
