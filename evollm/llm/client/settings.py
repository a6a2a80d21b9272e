"""How an endpoint is used: concurrency, limits, retries, price, cache."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from evollm.errors import EvollmError
from evollm.llm.base import Price
from evollm.llm.files import cache_folder
from evollm.llm.transport.keys import check_extras
from evollm.paths import anchored
from evollm.types import JSON

CAPABILITIES = frozenset({"plain", "schema", "grammar", "logprobs"})
CACHE_FILE = "answers.sqlite"


@dataclass(frozen=True)
class Settings:
    """The settings of an endpoint except its address, model and key.

    Attributes:
        concurrency: Requests in flight at most, for all threads of this process together.
        requests_per_minute: None for no limit.
        tokens_per_minute: Prompt and generated tokens; None for no limit.
        timeout_s: Seconds that one request may take.
        retries: How often a request is sent at most; a reply to slow down (429) is not counted.
        first_wait_s: Seconds before the second sending; doubled each time, with jitter.
        max_wait_s: Seconds that all waits of a request between its sendings may take together, and
            for which an endpoint may reject (429) all requests.
        price: Money for a million prompt and generated tokens; None for ``$EVOLLM_PRICE``, and
            without it unknown.
        cache: The file of cached answers, ``"user"`` for the one in the user's cache folder, or
            None for no cache.
        repairs: How often a request is repeated whose answer breaks its schema.
        options: Further fields of every request's body.
        headers: Further headers of every request. ``$NAME`` in a value stands for an environment
            variable, as in ``{"api-key": "$AZURE_KEY"}``: the key itself is never given, so that
            it is never recorded. A header with a key replaces OPENAI_API_KEY.
        query: Query parameters of every request, likewise; those of the base URL join them.
        identity: The endpoint's name in the cache; None for its address.
        group: How many samples of a prompt may be sent in one request; more than one only for a
            server that gives sample i the seed of the first plus i, as llama.cpp's does.
        context: The most tokens per request, answer included; None if unknown: then it is learnt
            from the first refusal that names it.
        known: Capabilities that the endpoint has, so that they are not probed: some of
            ``plain``, ``schema``, ``grammar``, ``logprobs``.
    """

    concurrency: int = 16
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout_s: float = 120.0
    retries: int = 6
    first_wait_s: float = 0.5
    max_wait_s: float = 300.0
    price: Price | None = None
    cache: Path | str | None = "user"
    repairs: int = 2
    options: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    query: Mapping[str, str] = field(default_factory=dict, hash=False)
    identity: str | None = None
    group: int = 1
    context: int | None = None
    known: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in ("concurrency", "retries", "group"):
            _check(name, getattr(self, name), least=1)
        if self.context is not None:
            _check("context", self.context, least=1)
        for name in ("repairs", "first_wait_s", "max_wait_s"):
            _check(name, getattr(self, name), least=0)
        for name in ("timeout_s", "requests_per_minute", "tokens_per_minute"):
            if (value := getattr(self, name)) is not None and not 0 < value < inf:
                raise EvollmError(f"the setting {name} must be larger than 0, not {value!r}")
        for name in ("headers", "query"):
            check_extras(name, getattr(self, name))
        if unknown := set(self.known) - CAPABILITIES:
            raise EvollmError(
                f"the setting known names {sorted(unknown)}, but the capabilities are "
                f"{sorted(CAPABILITIES)}"
            )
        if self.cache not in (None, "user"):
            object.__setattr__(self, "cache", anchored(self.cache))
        if self.price is not None:
            object.__setattr__(self, "price", Price(*self.price))

    def cache_path(self) -> Path | None:
        """Return the file of cached answers on this machine, or None if there is no cache."""
        if self.cache == "user":
            return cache_folder() / CACHE_FILE
        return None if self.cache is None else Path(self.cache)


def _check(name: str, value: float, least: int) -> None:
    if not least <= value < inf:
        raise EvollmError(f"the setting {name} must be at least {least} and finite, not {value!r}")
