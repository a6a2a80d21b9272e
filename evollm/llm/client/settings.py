"""Settings of an endpoint: concurrency, limits, retries, price, cache."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from evollm.errors import EvollmError, OutOfRange
from evollm.llm.base import Price
from evollm.llm.files import cache_folder
from evollm.llm.transport.keys import check_extras
from evollm.paths import anchored
from evollm.types import JSON

CAPABILITIES = frozenset({"plain", "schema", "grammar", "logprobs"})
CACHE_FILE = "answers.sqlite"


@dataclass(frozen=True)
class Settings:
    """All settings of an endpoint except its address, model and key.

    Attributes:
        concurrency: Maximum number of requests in flight, over all threads of this process.
        requests_per_minute: Maximum number of requests per minute; None for no limit.
        tokens_per_minute: Maximum number of prompt and generated tokens per minute; None for no
            limit.
        timeout_s: Maximum seconds per request.
        retries: Maximum number of times a request is sent, not counting replies to slow down (429).
        first_wait_s: Seconds before the second attempt; doubled each time, with jitter.
        max_wait_s: Maximum total seconds that a request waits between attempts, and that an
            endpoint may reject (429) all requests.
        price: Price per million prompt tokens and per million generated tokens; None for
            ``$EVOLLM_PRICE``, or unknown if that is not set.
        cache: File of cached answers; ``"user"`` for the one in the user's cache folder, None for
            no cache.
        repairs: How often a request is repeated if its answer breaks the schema.
        options: Additional fields of every request's body.
        headers: Additional headers of every request. ``$NAME`` in a value stands for an environment
            variable, as in ``{"api-key": "$AZURE_KEY"}``, so that the key itself is never recorded.
            A header with a key replaces OPENAI_API_KEY.
        query: Query parameters of every request, in the same form, in addition to those of the base
            URL.
        identity: The endpoint's name in the cache; None for its address.
        group: Maximum number of samples per request; more than one only for a server that gives
            sample i the first seed plus i, as llama.cpp's server does.
        context: Maximum number of tokens per request including the answer; None if unknown, then it
            is taken from the first refusal that names it.
        known: Capabilities that the endpoint has and that are not probed: some of ``plain``,
            ``schema``, ``grammar``, ``logprobs``.
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
                f"the setting known must not contain {sorted(unknown)}: the capabilities are "
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
        message = f"the setting {name} must be at least {least} and finite, not {value!r}"
        raise OutOfRange(message, least)
