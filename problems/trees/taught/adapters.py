"""How a model is asked that was taught to write trees."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.offline.adapters import adapted, located
from problems.trees.llego import LLEGOSettings

NONE = "none"
TAUGHT: Mapping[str, Any] = MappingProxyType({"hints": 8, "semantics": False, "spare": 0})
"""Settings with which a model was taught: numbered columns, and the best splits in the prompt.

Held to a grammar, it writes nothing that can't be used, and so no answers are to spare.
"""


def taught(settings: LLEGOSettings, model: Any, name: str | Path) -> tuple[LLEGOSettings, Any]:
    """Return a model with an adapter, and the settings with which it is asked.

    Args:
        settings: The settings for an untaught model.
        model: The offline model, or one in a GGUF file.
        name: ``"none"``; or a GGUF file, or a folder that ``evollm tune trees`` wrote.

    Raises:
        EvollmError: If there is no such file, the model can't have an adapter, or trees have
            another form than a line in a plain prompt.
    """
    if name == NONE:
        return settings, model
    file = located(name)
    if (settings.form, settings.mode) != ("line", "plain"):
        raise EvollmError("an adapter for trees needs the form line and the mode plain")
    return replace(settings, **TAUGHT), adapted(model, file)
