"""Which reader a user means: a model's name, an endpoint, or a reader of their own."""

from typing import Any

from evollm.errors import EvollmError
from problems.lm.settings import LMSettings
from problems.prompts.readers.local import LocalReader
from problems.prompts.readers.reader import Reader


def reader_of(model: Any, lm: LMSettings | None = None) -> Reader:
    """Return what reads prompts.

    Args:
        model: None or ``"offline"`` for the offline model; ``"hf:OWNER/MODEL"``, a folder or a GGUF
            file for another one in this process; or a ``Reader``, such as an ``EndpointReader``.
        lm: How a model in this process is loaded.

    Raises:
        EvollmError: If it is none of these.
    """
    if model is None or isinstance(model, str):
        return LocalReader(model, lm or LMSettings())
    if isinstance(model, Reader):
        return model
    raise EvollmError(
        f"{model!r} can't read prompts: give a model's name, or "
        "EndpointReader(model, tokenizer=...) for an endpoint"
    )
