"""The request format of an endpoint, adapted to what it has refused."""

import logging
import re
from collections.abc import Mapping
from functools import lru_cache

from evollm.llm.client.requests import Ask
from evollm.llm.transport.complaints import Complaint
from evollm.types import JSON

_REFUSALS = re.compile(
    r"support|unrecogni[sz]ed|unknown|unexpected|not (permitted|allowed|accepted|available)|"
    r"forbidden|extra (inputs|fields)|cannot find field|no such|deprecated|only the default"
)
_NO_SUCH = re.compile(
    r"unsupported parameter|unrecogni[sz]ed|unknown|not permitted|extra (inputs|f)"
)
_HARMLESS = frozenset({"seed", "stop", "response_format", "json_schema"})
"""Optional fields: the client applies stop texts and schemas as well."""
_OPTIONAL = _HARMLESS | {"temperature"}
_DONE_HERE = {"stop": "; its answers are cut here", "seed": "; its answers can't be repeated"}


class RequestFormat:
    """Writes requests for one model at one endpoint, and learns from refusals.

    Args:
        url: The endpoint's address.
        model: The model's name.
    """

    def __init__(self, url: str, model: str) -> None:
        self._url, self._model = url, model
        self._left_out: frozenset[str] = frozenset()
        self._renamed = False
        self._said: set[str] = set()

    def body(self, ask: Ask, constrain: bool, n: int = 1) -> dict[str, JSON]:
        """Return the fields of a request, without the model and the prompt.

        Args:
            ask: What to ask.
            constrain: Whether to send the schema, if there is one.
            n: Samples to ask for; several come with log-probabilities, so that their tokens can
                be counted, as the usage of a reply counts the first one only.
        """
        sampling = ask.sampling
        limit = "max_completion_tokens" if self._renamed else "max_tokens"
        fields: dict[str, JSON] = {limit: sampling.max_tokens, "temperature": sampling.temperature}
        if ask.seed is not None:
            fields["seed"] = ask.seed
        if sampling.stop:
            fields["stop"] = list(sampling.stop)
        if sampling.grammar is not None:
            fields["grammar"] = sampling.grammar
        if sampling.schema is not None and constrain:
            fields |= _schema(sampling.schema, chat=sampling.mode == "chat")
        if n > 1:
            fields["n"] = n
        if sampling.top_logprobs or n > 1:
            fields |= _logprobs(sampling.top_logprobs or 1, chat=sampling.mode == "chat")
        kept = {name: value for name, value in fields.items() if name not in self._left_out}
        return {**kept, **ask.extra}

    def learn(self, fault: Complaint, sent: Mapping[str, JSON]) -> bool:
        """Learn from a refusal which field is unsupported, and omit it from now on.

        Returns:
            Whether the rewritten request should be sent.
        """
        message = fault.said.lower()
        unknown = "max_tokens" in fault.fields and _NO_SUCH.search(message)
        if "max_tokens" in sent and ("max_completion_tokens" in message or unknown):
            self._renamed = True
            self.say(
                "renamed", "is told the limit of an answer as max_completion_tokens", logging.INFO
            )
            return True
        refused = {name for name in _OPTIONAL & sent.keys() if _means(fault, message, name)}
        for name in sorted(refused):
            self.say(name, f"refuses {name} and is asked without it{_DONE_HERE.get(name, '')}")
        self._left_out |= refused
        return bool(refused)

    def do_without_stop(self) -> None:
        """Omit stop texts from now on: one has ended the model's reasoning."""
        self._left_out |= {"stop"}
        self.say("thinks", "thinks before it answers and is asked without stop texts", logging.INFO)

    def say(self, what: str, sentence: str, level: int = logging.WARNING) -> None:
        """Log once what is special about the model at this endpoint."""
        if what not in self._said:
            self._said.add(what)
            log = logging.getLogger("evollm")
            log.log(level, "the model %s at %s %s", self._model, self._url, sentence)


@lru_cache(maxsize=256)
def dialect(url: str, model: str) -> RequestFormat:
    """Return what this process has learnt about a model at an endpoint."""
    return RequestFormat(url, model)


def _means(fault: Complaint, message: str, name: str) -> bool:
    """Return whether a refusal is about a field's presence rather than its value."""
    blamed = {re.split(r"[.\[]", path)[0] for path in fault.fields} - {"body"}
    if blamed:
        return name in blamed and (name in _HARMLESS or bool(_REFUSALS.search(message)))
    if name in _HARMLESS and re.search(rf"[\"'`]{name}[\"'`]", message):
        return True
    named = re.search(rf"(?<![\w.-]){name}(?![\w-])", message)
    return bool(named and _REFUSALS.search(message))


def _schema(schema: Mapping[str, JSON], chat: bool) -> dict[str, JSON]:
    if not chat:
        return {"json_schema": schema}
    described = {"name": "answer", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _logprobs(top: int, chat: bool) -> dict[str, JSON]:
    return {"logprobs": True, "top_logprobs": top} if chat else {"logprobs": top}
