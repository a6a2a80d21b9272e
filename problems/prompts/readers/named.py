"""Which reader a user means: a model's name, an endpoint, or a reader of their own."""

from typing import Any

from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel
from evollm.llm.connect import HUGGING_FACE, OFFLINE, connect
from evollm.paths import anchored
from problems.lm.settings import LMSettings
from problems.prompts.readers.reader import Reader

# Readers are imported where they are made: they need torch.


def reader_of(model: Any, lm: LMSettings | None = None, tokenizer: str | None = None) -> Reader:
    """Return what reads prompts.

    Args:
        model: None or ``"offline"`` for the offline model; ``"hf:OWNER/MODEL"``, a folder or a GGUF
            file for another one in this process; or a ``Reader``, such as an ``EndpointReader``.
            With a tokenizer, the name of an endpoint's model, or a ``LanguageModel``.
        lm: How a model in this process, or a tokenizer, is loaded.
        tokenizer: The name of the tokenizer of an endpoint's model.

    Raises:
        EvollmError: If it is none of these, or a tokenizer is needed or too much.
    """
    settings = lm or LMSettings()
    if isinstance(model, LanguageModel) or (tokenizer and (model is None or _bare(model))):
        asked = model if isinstance(model, LanguageModel) else connect(model)
        if tokenizer is None:
            raise _without_tokenizer(f"the model {asked.name}")
        from problems.prompts.readers.endpoint import EndpointReader

        return EndpointReader(asked, tokenizer, settings=settings)
    if tokenizer is not None:
        raise EvollmError(
            f"{model} brings its own tokenizer: leave out the tokenizer {tokenizer}, or name an "
            "endpoint's model"
        )
    if _bare(model):
        raise _without_tokenizer(f"there is no folder {model}; if it is an endpoint's model, it")
    if model is None or isinstance(model, str):
        from problems.prompts.readers.local import LocalReader

        return LocalReader(model, settings)
    if _reads(model):
        reader: Reader = model
        return reader
    raise EvollmError(
        f"{model!r} can't read prompts: give a model's name, or "
        "EndpointReader(model, tokenizer=...) for an endpoint"
    )


def _bare(model: Any) -> bool:
    """Return whether a name can only be that of an endpoint's model."""
    if not isinstance(model, str) or model == OFFLINE:
        return False
    place = model.startswith((HUGGING_FACE, "/", "./", "../", "~")) or model.endswith(".gguf")
    return not place and not anchored(model).exists()


def _reads(model: Any) -> bool:
    """Return whether an object is a reader, without its properties, which load the model."""
    return all(callable(getattr(type(model), name, None)) for name in ("scores", "write", "check"))


def _without_tokenizer(what: str) -> EvollmError:
    return EvollmError(
        f"{what} needs a tokenizer by which prompts are cut: give EndpointReader(model, "
        "tokenizer='hf:OWNER/MODEL') or the path of its tokenizer.json"
    )
