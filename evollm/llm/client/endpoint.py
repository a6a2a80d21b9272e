"""A model behind any OpenAI-compatible endpoint."""

import logging
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Self
from urllib.parse import urlencode

from evollm.ledger import Exhausted, ledger
from evollm.llm.base import Completion, ModelError, Price, Prompt, Sampling
from evollm.llm.client.batching import FanOut, Send
from evollm.llm.client.billing import Billing, Reply, Usage
from evollm.llm.client.cache import Cache, open_cache
from evollm.llm.client.capabilities import Capabilities
from evollm.llm.client.connection import Connection, connection_for, in_background
from evollm.llm.client.contexts import named_limit, too_long
from evollm.llm.client.requests import Ask, check
from evollm.llm.client.settings import Settings
from evollm.llm.transport.addresses import (
    OPENAI,
    first_hop,
    is_loopback,
    is_private,
    proxy_to,
    split_url,
)
from evollm.llm.transport.keys import carries_key, clean_key, route
from evollm.llm.transport.retries import Refused, silence

_REACH_S = 10


class Endpoint:
    """A language model at an OpenAI-compatible endpoint.

    Calls may come from several threads, and from within a running event loop. The same request has
    the same answer within a call, within a job of a run, and through the cache; use another seed,
    or more samples, for other answers. The key is not pickled, but read from the environment again.

    Args:
        model: The model's name at the endpoint.
        base_url: The endpoint's address; if None, ``$OPENAI_BASE_URL``, else OpenAI's.
        api_key: If None, ``$OPENAI_API_KEY``. No key is needed for an endpoint on this machine or
            in a private network, or if the settings have a header with a key.
        settings: Everything else.

    Attributes:
        name: The model's name.
        base_url: The endpoint's address.
        settings: As given.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.name = model
        url = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI
        self.base_url, query = split_url(url)
        settings = settings or Settings()
        self.settings = replace(settings, query={**query, **settings.query}) if query else settings
        self._key = None if api_key is None else clean_key(api_key, "the argument api_key")

        self._learnt: int | None = None
        self._usage = Usage()
        self._counting = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, base_url={self.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        private = ("_key", "_usage", "_counting")
        return {name: value for name, value in vars(self).items() if name not in private}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state, _key=None, _usage=Usage(), _counting=threading.Lock())

    def __deepcopy__(self, memo: object) -> Self:
        """Return a copy within this process, which may know the key."""
        twin = copy(self)
        twin._key = self._key
        return twin

    @property
    def usage(self) -> Usage:
        """The usage of this object so far."""
        return self._usage

    @property
    def context(self) -> int | None:
        """Maximum tokens per request including the answer, as set or as named by a refusal."""
        known = [limit for limit in (self.settings.context, self._learnt) if limit is not None]
        return min(known, default=None)

    def address(self) -> tuple[str, str]:
        """Return the address and the key; called only when a request must be sent.

        A subclass may start a server here.

        Raises:
            ModelError: If the key is missing, or if ``EVOLLM_OFFLINE`` forbids the network.
        """
        if os.environ.get("EVOLLM_OFFLINE", "0") not in ("", "0") and not is_loopback(
            self.base_url
        ):
            raise ModelError(
                f"EVOLLM_OFFLINE forbids requests to {self.base_url}: unset it, or use the "
                "offline model"
            )
        if self._key is None and (
            carries_key(self.settings.headers) or carries_key(self.settings.query)
        ):
            return self.base_url, ""
        key = self._key or clean_key(os.environ.get("OPENAI_API_KEY", ""), "OPENAI_API_KEY")
        if not key and not is_loopback(self.base_url) and not is_private(self.base_url):
            raise ModelError(
                f"the endpoint {self.base_url} needs a key: set OPENAI_API_KEY (to any word if its "
                "server needs none), or name no model to use the offline one"
            )
        return self.base_url, key

    @property
    def concurrency(self) -> int:
        """Maximum number of requests in flight."""
        return self.settings.concurrency

    @property
    def price(self) -> Price | None:
        """The price per million tokens; None if it is unknown."""
        return self.settings.price or Price.from_environment()

    def reach(self) -> None:
        """Check that a request can be sent, before anything is spent on a search.

        Raises:
            ModelError: If the key is missing or can't be sent, or nothing listens at the address
                or at that of the proxy.
        """
        url = self._line().url
        host, port, whose = first_hop(url)
        try:
            socket.create_connection((host, port), timeout=_REACH_S).close()
        except OSError as error:
            raise ModelError(
                f"the {whose} can't be reached within {_REACH_S} s ({error}): check the address, "
                "or start it"
            ) from None

    def check(self, sampling: Sampling) -> None:
        """Check that the endpoint can do what calls need, before anything is spent on a search.

        What is not known yet is found out by a small request for each capability.

        Args:
            sampling: How it will be asked.

        Raises:
            ModelError: If it can't, or does not answer.
        """
        path = self.settings.cache_path()
        account = Billing(ledger.get(), self.price)
        self._ready(account, open_cache(path) if path else None, sampling)

    def _line(self) -> Connection:
        url, key = self.address()
        settings = self.settings
        way = route(url, key, settings.headers, settings.query, proxy_to(url))
        return connection_for(way, self.name, settings)

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Return ``n`` completions per prompt; see ``evollm.llm.base.LanguageModel``."""
        check(prompts, sampling, n)
        sampling = replace(sampling)  # its identity distinguishes the requests of this call
        extra = self.settings.options
        asks = [
            Ask(self.name, self._identity, prompt, sampling, sample, extra=extra)
            for prompt in prompts
            for sample in range(n)
        ]
        replies = self._answer(asks, sampling)
        completions = [
            replace(reply.completion, key=ask.key) for ask, reply in zip(asks, replies, strict=True)
        ]
        for completion in completions:
            if too_long(completion.error):
                self._learnt = named_limit(str(completion.error)) or self._learnt
        return [completions[first : first + n] for first in range(0, len(completions), n)]

    def _answer(self, asks: list[Ask], sampling: Sampling) -> list[Reply]:
        """Answer in waves: requests whose answers broke the schema are repeated together."""
        account = Billing(ledger.get(), self.price)
        path = self.settings.cache_path()
        cache = open_cache(path) if path else None
        ready = lru_cache(partial(self._ready, account, cache, sampling))
        fanout = FanOut(account, cache, ready, self._count)
        last = dict(enumerate(asks))
        wave = list(last)
        for repair in range(self.settings.repairs + 1):
            fanout.run([last[place] for place in wave])
            self._make_room(fanout, last, sampling)
            wave = [place for place in wave if fanout.replies[last[place].key].answer.broken]
            if not wave or repair == self.settings.repairs:
                break
            last.update((place, last[place].again()) for place in wave)
        if fanout.sent and len(fanout.unanswered) == fanout.sent:
            raise silence(self.name, self.base_url, fanout.unanswered[0])
        return [fanout.replies[ask.key] for ask in last.values()]

    def _make_room(self, fanout: FanOut, last: dict[int, Ask], sampling: Sampling) -> None:
        """Repeat requests with twice the tokens if the model's reasoning left none for the answer.

        The first answer is kept if the budget or the endpoint does not allow it.
        """
        wide = replace(sampling, max_tokens=2 * sampling.max_tokens)
        roomier = {
            place: replace(ask, sampling=wide)
            for place, ask in last.items()
            if ask.sampling is sampling and fanout.replies[ask.key].answer.starved
        }
        try:
            fanout.run(list(roomier.values()))
        except (Exhausted, Refused) as fault:
            if isinstance(fault, Exhausted):
                fault.dispensable = True
            logging.getLogger("evollm").info(
                "an answer that was cut off is not requested again with more tokens: %s", fault
            )
        for place, ask in roomier.items():
            reply = fanout.replies.get(ask.key)
            if reply is not None and reply.answer.definite:
                last[place] = ask

    def _ready(self, account: Billing, cache: Cache | None, sampling: Sampling) -> Send:
        """Check that the endpoint supports the request, and return the sending function."""
        way = self._line()
        abilities = Capabilities(
            way, cache, account, self._count, self.name, self._identity, self.settings
        )
        constrain = abilities.check(sampling)
        return lambda ask: in_background(way.answer(ask, constrain))

    @property
    def _identity(self) -> str:
        query = urlencode(sorted(self.settings.query.items()))
        return self.settings.identity or "?".join(filter(None, [self.base_url, query]))

    def _count(self, reply: Reply) -> None:
        with self._counting:
            self._usage = self._usage.plus(reply)
