"""Adapters of locally served models: where they are, and who can have one."""

from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel
from evollm.paths import TRAINED, TRAINING, anchored

MAGIC = b"GGUF"


def located(name: str | Path, known: str = "") -> Path:
    """Return the file of an adapter.

    Args:
        name: A GGUF file, or a folder that ``evollm tune`` wrote.
        known: Other names that could have been given, for the message.

    Raises:
        EvollmError: If there is no such file, it is of another kind, or its training has not ended.
    """
    path = anchored(name)
    file = path / "adapter.gguf" if path.is_dir() else path
    if (path / TRAINING).is_file() and not (path / TRAINED).is_file():
        raise EvollmError(
            f"the training in {path} was interrupted: give its evollm tune command again to end it"
        )
    if not file.is_file():
        raise EvollmError(
            f"there is no adapter {file}: give a GGUF file, a folder that evollm tune wrote"
            f"{known or ', or none'}"
        )
    with file.open("rb") as content:
        if content.read(len(MAGIC)) != MAGIC:
            raise EvollmError(f"{file} is no GGUF file: give an adapter that evollm tune wrote")
    return file


def is_offline(model: Any) -> bool:
    """Return whether a model is the small one of the package, not one in another GGUF file.

    That of a dry run is what it replaces, or may become it.
    """
    from evollm.llm.dry import DryRunModel
    from evollm.llm.offline.model import Offline

    if isinstance(model, DryRunModel):
        return model.replaces is None or is_offline(model.replaces)
    return isinstance(model, Offline) and model.service.model is None


def adapted(model: Any, file: Path) -> LanguageModel:
    """Return a model with one more adapter, unless it has it.

    Args:
        model: The offline model, or one in a GGUF file; a dry run's for it stays as it is.
        file: The adapter.

    Raises:
        EvollmError: If it is another model.
    """
    from evollm.llm.dry import DryRunModel
    from evollm.llm.offline.model import Offline

    if isinstance(model, DryRunModel):
        if model.replaces is not None:
            adapted(model.replaces, file)
        return model
    if not isinstance(model, Offline):
        raise EvollmError(
            f"{model.name} can't have the adapter {file.name}: use the offline model or a GGUF "
            "file, or leave the adapter out"
        )
    known = model.service.adapters
    return model if file in known else model.adapted([*known, file])
