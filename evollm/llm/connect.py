"""Connecting: chooses the model that is named, or the offline one."""

import logging
import os
from pathlib import Path

from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel
from evollm.llm.client.settings import Settings
from evollm.paths import anchored

OFFLINE = "offline"
HUGGING_FACE = "hf:"


def connect(
    model: str | None = None, base_url: str | None = None, settings: Settings | None = None
) -> LanguageModel:
    """Return the model named by the arguments or the environment, without sending a request.

    A key in the environment alone never selects a paid endpoint.

    Args:
        model: A model's name at the endpoint; the path of a GGUF file, or of a folder that contains
            one; or ``"offline"``. If None, ``$EVOLLM_MODEL``, else the offline model. A bare name
            always refers to an endpoint's model, even if there is a folder of that name.
        base_url: The endpoint's address; if None, ``$OPENAI_BASE_URL``, else OpenAI's.
        settings: Everything else.

    Raises:
        EvollmError: If an address is given without a model, the model needs Hugging Face's
            libraries, or a folder does not contain exactly one GGUF file.
    """
    named = model or os.environ.get("EVOLLM_MODEL") or None
    if named is None and base_url is not None:
        raise EvollmError(
            f"no model is named for {base_url}: name it as an argument or in EVOLLM_MODEL"
        )
    if named is None:
        logging.getLogger("evollm").info(
            "no model is named (--model or EVOLLM_MODEL): using the offline model"
        )
    served = bool(base_url or os.environ.get("OPENAI_BASE_URL"))
    file = None if named in (None, OFFLINE) else local(named, served)
    if named in (None, OFFLINE) or file is not None:
        from evollm.llm.offline.model import offline

        return offline(file, settings)
    assert named is not None
    from evollm.llm.client.endpoint import Endpoint

    return Endpoint(named, base_url=base_url, settings=settings or Settings())


def in_process(name: str, served: bool = False) -> bool:
    """Return whether a name refers to a model that a process can run, and not to an endpoint's.

    Such are ``"offline"``, a Hugging Face model ``hf:OWNER/MODEL``, a GGUF file and a folder. Which
    of them can be run depends on the system.

    Args:
        name: The model's name.
        served: Whether an endpoint's address is given, so that ``owner/model`` is not a folder.
    """
    own = name == OFFLINE or name.startswith(HUGGING_FACE) or name.endswith(".gguf")
    return own or _is_folder(name, served)


def local(name: str, served: bool = False) -> Path | None:
    """Return the GGUF file that a model's name refers to; None for an endpoint's model.

    Args:
        name: The model's name.
        served: Whether an endpoint's address is given, so that ``owner/model`` is not a folder.

    Raises:
        EvollmError: If it is a Hugging Face model, or a folder does not contain exactly one GGUF
            file.
    """
    if name.startswith(HUGGING_FACE):
        raise _foreign(f"{name} is a Hugging Face model")
    if name.endswith(".gguf"):
        return anchored(name)
    if not _is_folder(name, served):
        return None
    folder = anchored(name)
    if not folder.is_dir():
        raise EvollmError(
            f"there is no folder {folder}: give a GGUF file or a folder that contains one"
        )
    files = sorted(folder.glob("*.gguf"))
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise EvollmError(
            f"the folder {folder} contains several GGUF files ({names}): name one of them"
        )
    if not files:
        raise _foreign(f"the folder {folder} contains no GGUF file; it may be a Hugging Face model")
    return files[0]


def _is_folder(name: str, served: bool) -> bool:
    """Return whether a name is a path, or one that might be and names an existing folder."""
    if name.startswith(("/", "./", "../", "~")) or name in (".", "..") or name.endswith("/"):
        return True
    return "/" in name and not served and anchored(name).is_dir()


def _foreign(what: str) -> EvollmError:
    return EvollmError(
        f"{what}, which only the systems for prompts and model compression can run: name an "
        "endpoint's model, a GGUF file or 'offline'"
    )
