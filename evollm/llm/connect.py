"""Which model answers: the one named, or the offline one."""

import logging
import os

from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel
from evollm.llm.client.settings import Settings

OFFLINE = "offline"


def connect(
    model: str | None = None, base_url: str | None = None, settings: Settings | None = None
) -> LanguageModel:
    """Return the model that the arguments or the environment name; no request is sent yet.

    A key in the environment alone never selects a paid endpoint.

    Args:
        model: The name of an endpoint's model, a path to a ``.gguf`` file, or ``"offline"``; if
            None, ``$EVOLLM_MODEL``, else the offline model.
        base_url: The endpoint's address; if None, ``$OPENAI_BASE_URL``, else OpenAI's.
        settings: Everything else.

    Raises:
        EvollmError: If there is an address but no model name.
    """
    named = model or os.environ.get("EVOLLM_MODEL") or None
    if named is None and base_url is not None:
        raise EvollmError(
            f"no model is named for {base_url}: name it as an argument or in EVOLLM_MODEL"
        )
    if named is None or named == OFFLINE or named.endswith(".gguf"):
        if named is None:
            logging.getLogger("evollm").info(
                "no model is named (--model or EVOLLM_MODEL): the offline model answers"
            )
        from evollm.llm.offline.model import offline

        return offline(None if named in (None, OFFLINE) else named, settings)
    from evollm.llm.client.endpoint import Endpoint

    return Endpoint(named, base_url=base_url, settings=settings or Settings())
