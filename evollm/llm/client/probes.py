"""Probes: one small request per capability that finds out whether an endpoint has it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import urlsplit

from evollm.llm.base import ModelError, Sampling
from evollm.llm.client.answers import Answer
from evollm.llm.client.billing import Reply
from evollm.llm.transport.retries import Refused
from evollm.types import JSON

VALID_S = 24 * 3600.0
"""Number of seconds for which a finding is valid."""
PROMPT = "Say hello."
SHORT, LONG = 32, 2048
"""Token limits of a probe; the larger one is for models that reason before they answer."""
ODD_TEXT = "zebra 7"
ODD_JSON = {"zebra": 7}
ODD_SCHEMA: Mapping[str, JSON] = {
    "type": "object",
    "properties": {"zebra": {"type": "integer", "enum": [7]}},
    "required": ["zebra"],
    "additionalProperties": False,
}
AskOnce: TypeAlias = Callable[[Sampling], Reply]


@dataclass(frozen=True, slots=True)
class Probe:
    """The probe of one capability: its request, and whether an answer shows the capability.

    Attributes:
        ask: Fields of the request's ``Sampling``.
        shows: Returns whether an answer shows the capability.
        lack: The error for an endpoint without it; empty if the capability is optional.
        statuses: HTTP statuses by which an endpoint reports that it lacks the capability.
    """

    ask: Mapping[str, JSON]
    shows: Callable[[Answer], bool]
    lack: str = ""
    statuses: tuple[int, ...] = (400, 422, 501)


def _shows_json(answer: Answer) -> bool:
    try:
        return bool(json.loads(answer.text) == ODD_JSON)
    except ValueError:
        return False


PROBES = {
    "plain": Probe(
        {},
        lambda answer: answer.definite,
        "does not continue plain texts; use mode='chat' or another endpoint",
        (400, 404, 405, 422, 501),
    ),
    "schema": Probe({"schema": ODD_SCHEMA}, _shows_json),
    "grammar": Probe(
        {"grammar": f'root ::= "{ODD_TEXT}"'},
        lambda answer: answer.text.strip() == ODD_TEXT,
        "does not enforce a grammar; use an endpoint that does, such as the offline model",
    ),
    "logprobs": Probe(
        {"top_logprobs": 2},
        lambda answer: any(token.top for token in answer.tokens),
        "does not return log-probabilities; use another endpoint, such as the offline model",
    ),
}


def needs(sampling: Sampling) -> list[str]:
    """Return the capabilities that a request needs; the first one is required by the others."""
    wanted = {
        "plain": sampling.mode == "plain",
        "schema": sampling.schema is not None,
        "grammar": sampling.grammar is not None,
        "logprobs": sampling.top_logprobs > 0,
    }
    return [name for name, needed in wanted.items() if needed]


def find_out(capability: str, sampling: Sampling, ask: AskOnce) -> bool:
    """Return whether an endpoint has a capability, in the mode of ``sampling``.

    Args:
        capability: A key of ``PROBES``.
        sampling: The sampling of the request that needs it; its mode is kept.
        ask: Sends ``PROMPT`` with a given sampling.

    Raises:
        ModelError: If the endpoint does not answer, or refuses for another reason.
    """
    probe = PROBES[capability]
    plan = Sampling(temperature=0.0, mode=sampling.mode)
    plan = replace(plan, max_tokens=SHORT, **probe.ask)
    try:
        answer = ask(plan).answer
        if answer.starved:
            answer = ask(replace(plan, max_tokens=LONG)).answer
    except Refused as refusal:
        if refusal.status not in probe.statuses:
            raise
        return False
    return probe.shows(answer)


def lacking(capability: str, model: str, url: str) -> ModelError | None:
    """Return the error for a missing capability; None if it is optional."""
    lack = PROBES[capability].lack
    bare = ", or add /v1 to the address" if not urlsplit(url).path.strip("/") else ""
    return ModelError(f"the model {model} at {url} {lack}{bare}") if lack else None
