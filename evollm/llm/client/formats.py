"""How an endpoint wants its requests: the common form, and what it has refused so far."""

import logging
from collections.abc import Mapping
from typing import Any

from evollm.llm.client.requests import Ask
from evollm.types import JSON

OPTIONAL = ("temperature", "seed")
"""Options that a request can do without if the endpoint refuses them."""
_REFUSALS = ("support", "unrecognized", "unknown", "not permitted", "extra inputs")


class RequestFormat:
    """Writes requests for one model at one endpoint, and learns from the refusals."""

    def __init__(self) -> None:
        self._left_out: frozenset[str] = frozenset()
        self._renamed = False

    def body(self, ask: Ask, constrain: bool, n: int = 1) -> dict[str, JSON]:
        """Return the fields of a request, the model and the prompt apart.

        Args:
            ask: What to ask.
            constrain: Whether to send the schema, if there is one.
            n: Samples to ask for; several come with log-probabilities, so that their tokens can
                be counted, as the usage of a reply counts the first one only.
        """
        options = ask.options
        limit = "max_completion_tokens" if self._renamed else "max_tokens"
        fields: dict[str, JSON] = {limit: options.max_tokens, "temperature": options.temperature}
        if ask.seed is not None:
            fields["seed"] = ask.seed
        if options.stop:
            fields["stop"] = list(options.stop)
        if options.grammar is not None:
            fields["grammar"] = options.grammar
        if options.schema is not None and constrain:
            fields |= _schema(options.schema, chat=options.mode == "chat")
        if n > 1:
            fields["n"] = n
        if options.top_logprobs or n > 1:
            fields |= _logprobs(options.top_logprobs or 1, chat=options.mode == "chat")
        fields |= options.extra
        return {name: value for name, value in fields.items() if name not in self._left_out}

    def learn(self, fault: Any, sent: Mapping[str, JSON]) -> bool:
        """Learn from an ``openai.BadRequestError``.

        Returns:
            Whether the request, written anew, is worth another try.
        """
        said = f"{fault.message} {fault.param or ''}"
        if "max_tokens" in sent and "max_completion_tokens" in said:
            self._note("max_completion_tokens instead of max_tokens", not self._renamed)
            self._renamed = True
            return True
        if not any(word in said.lower() for word in _REFUSALS):
            return False
        refused = {name for name in OPTIONAL if name in sent and name in said}
        if fault.param in OPTIONAL:
            refused &= {fault.param}
        for name in sorted(refused):
            self._note(f"no {name}", name not in self._left_out)
        self._left_out |= refused
        return bool(refused)

    def _note(self, what: str, new: bool) -> None:
        if new:
            logging.getLogger("evollm").info("The endpoint wants %s; so it is asked.", what)


def _schema(schema: Mapping[str, JSON], chat: bool) -> dict[str, JSON]:
    if not chat:
        return {"json_schema": schema}
    described = {"name": "answer", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _logprobs(top: int, chat: bool) -> dict[str, JSON]:
    return {"logprobs": True, "top_logprobs": top} if chat else {"logprobs": top}
