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
_DONE_HERE = {
    "stop": "; its answers are cut by the client",
    "seed": "; its answers are not reproducible",
}


class RequestFormat:
    """Builds requests for one model at one endpoint, and adapts to refusals.

    Args:
        url: The endpoint's address.
        model: The model's name.
    """

    def __init__(self, url: str, model: str) -> None:
        self._url, self._model = url, model
        self._left_out: frozenset[str] = frozenset()
        self._renamed = False
        self._messages: set[str] = set()

    def body(self, ask: Ask, constrain: bool, n: int = 1) -> dict[str, JSON]:
        """Return the fields of a request, without the model and the prompt.

        Args:
            ask: The request.
            constrain: Whether to send the schema, if there is one.
            n: Number of samples. Several are requested with log-probabilities to count their
                tokens, because the usage in a reply covers the first one only.
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
        """Omit from now on the field that a refusal reports as unsupported.

        Returns:
            Whether the rewritten request should be sent.
        """
        message = fault.said.lower()
        unknown = "max_tokens" in fault.fields and _NO_SUCH.search(message)
        if "max_tokens" in sent and ("max_completion_tokens" in message or unknown):
            self._renamed = True
            self.say("renamed", "gets the token limit as max_completion_tokens", logging.INFO)
            return True
        refused = {name for name in _OPTIONAL & sent.keys() if _means(fault, message, name)}
        for name in sorted(refused):
            self.say(
                name, f"refuses {name}, which is omitted from now on{_DONE_HERE.get(name, '')}"
            )
        self._left_out |= refused
        return bool(refused)

    def do_without_stop(self) -> None:
        """Omit stop strings from now on, because one has ended the model's reasoning."""
        self._left_out |= {"stop"}
        self.say(
            "thinks",
            "reasons before it answers, so stop texts are applied by the client",
            logging.INFO,
        )

    def say(self, what: str, sentence: str, level: int = logging.WARNING) -> None:
        """Log a peculiarity of the model at this endpoint once."""
        if what not in self._messages:
            self._messages.add(what)
            log = logging.getLogger("evollm")
            log.log(level, "the model %s at %s %s", self._model, self._url, sentence)


@lru_cache(maxsize=256)
def dialect(url: str, model: str) -> RequestFormat:
    """Return this process's request format for a model at an endpoint."""
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
