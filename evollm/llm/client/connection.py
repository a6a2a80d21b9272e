"""The connection to one model at one endpoint: client, limits, known capabilities."""

import asyncio
import json
import os
import threading
import time
import weakref
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from functools import lru_cache
from itertools import cycle
from math import ceil
from typing import Any, TypeVar

from evollm.llm.client.answers import Answer, read
from evollm.llm.client.batching import SampleBatcher, Timed
from evollm.llm.client.requests import Ask
from evollm.llm.client.settings import Settings
from evollm.llm.transport.addresses import shown
from evollm.llm.transport.clients import client, reply_type, request_headers
from evollm.llm.transport.complaints import complaint, scrub, within
from evollm.llm.transport.formats import dialect
from evollm.llm.transport.keys import Route
from evollm.llm.transport.limits import Limiter
from evollm.llm.transport.retries import (
    PromptRejected,
    RetryPolicy,
    TransientError,
    Unanswered,
    judge,
    silence,
)
from evollm.types import JSON

_LEARNT_FROM = (400, 422)
_POOL = 4  # concurrent requests that share a pool of connections
_NO_API = "check that the address is that of an OpenAI-compatible API: most end in /v1"


class Connection:
    """Sends requests; its coroutines belong to the background loop.

    Attributes:
        url: The endpoint's address.
        abilities: Whether the endpoint has a capability, by the capability's name.
        probing: Held by the thread that probes.
    """

    def __init__(self, way: Route, model: str, settings: Settings) -> None:
        self.abilities: dict[str, bool] = {}
        self.probing = threading.Lock()
        self.url, self._model, self._settings = way.url, model, settings
        self._secrets = way.secrets
        # For each request a pool checks all its connections, so several small pools are faster.
        pools = ceil(settings.concurrency / _POOL)
        clients = [client(way, settings.timeout_s) for _ in range(pools)]
        self._clients = cycle(clients)
        self._headers = request_headers(way)
        self._proxy = way.proxy
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._in_flight = 0
        self._limiter = Limiter(settings.requests_per_minute, settings.tokens_per_minute)
        self._dialect = dialect(way.url, model)
        self._groups = SampleBatcher(self._answers, settings.group) if settings.group > 1 else None
        weakref.finalize(self, _close, clients).atexit = False

    async def answer(self, ask: Ask, constrain: bool) -> tuple[Answer, float]:
        """Return the answer, and the seconds that its request took.

        Args:
            ask: The request.
            constrain: Whether the endpoint is to enforce the schema.

        Raises:
            ModelError: If the endpoint refuses, or rejects every request for too long.
            Unanswered: If it does not answer after all retries.
        """
        if self._groups:
            return await self._groups.answer(ask, constrain)
        return (await self._answers([ask], constrain))[0]

    async def _answers(self, asks: Sequence[Ask], constrain: bool) -> list[Timed]:
        """Request several samples of one prompt together."""
        patience = RetryPolicy(self._settings, self._limiter)
        try:
            return await patience.call(self._send, asks, constrain)
        except PromptRejected as unfit:
            return [(Answer(error=str(unfit), definite=False), 0.0)] * len(asks)
        except Unanswered as why:
            if why.everywhere:
                raise silence(self._model, self.url, why) from None
            raise

    async def _send(self, asks: Sequence[Ask], constrain: bool) -> list[Timed]:
        most = sum(ask.most_tokens for ask in asks)
        async with self._slots:
            await self._limiter.admit(most)
            begun = time.monotonic()
            self._in_flight += 1
            try:
                reply = await self._post(asks, constrain)
            finally:
                self._in_flight -= 1
            seconds = time.monotonic() - begun
        answers = read(reply, asks[0].sampling, len(asks), asks[0].most_prompt_tokens)
        if not all(answer.counted for answer in answers):
            self._dialect.say(
                "uncounted",
                "does not report usable token counts: they are estimated from above, one token per "
                "byte, so that budgets end early rather than late",
            )
        if any(answer.starved and answer.finish != "length" for answer in answers):
            self._dialect.do_without_stop()
        used = sum(answer.prompt_tokens + answer.completion_tokens for answer in answers)
        self._limiter.settle(most, used)
        return [(answer, seconds) for answer in answers]

    async def _post(self, asks: Sequence[Ask], constrain: bool) -> dict[str, Any]:
        """Send the request; rewrite and repeat it if the endpoint does not support a field."""
        while True:
            body = self._dialect.body(asks[0], constrain, len(asks))
            status, reply, headers = await self._receive(asks[0], self._placed(body, len(asks)))
            if status < 400 and not isinstance(reply, dict):
                raise TransientError("the reply is not a JSON object", advice=_NO_API)
            fault = within(reply) if status < 400 else complaint(status, reply, headers)
            if fault is None or fault.status < 400:
                return dict(reply)
            learnt = fault.status in _LEARNT_FROM and self._dialect.learn(fault, body)
            if not learnt or self._dialect.body(asks[0], constrain, len(asks)) == body:
                raise judge(fault, self._model, self.url)

    def _placed(self, body: dict[str, JSON], n: int) -> dict[str, JSON]:
        """Ask for neighbouring slots of llama.cpp's server, which it computes in one batch.

        The other samples take the first free slots; those that are apart are computed one after
        another. Only for a request with no other beside it, since it would wait for the first slot.
        """
        return {**body, "id_slot": 0} if n > 1 and self._in_flight == 1 else body

    async def _receive(
        self, ask: Ask, body: dict[str, JSON]
    ) -> tuple[int, JSON, Mapping[str, str]]:
        """Return status, body and headers of a reply, with the key removed."""
        import openai

        timeout_s = self._settings.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                found = await self._create(ask, body)
        except openai.APIStatusError as fault:
            found = fault.response
        except (openai.APITimeoutError, TimeoutError):
            raise TransientError(
                f"no answer within timeout_s={timeout_s:g}",
                advice="raise timeout_s, or request fewer tokens",
            ) from None
        except openai.APIConnectionError as fault:
            raise self._lost(fault) from None
        headers = scrub(dict(found.headers), self._secrets)
        try:
            return found.status_code, scrub(json.loads(found.content), self._secrets), headers
        except (ValueError, RecursionError):
            if found.status_code < 400:
                raise TransientError("the reply is not JSON", advice=_NO_API) from None
        return found.status_code, scrub(found.text, self._secrets), headers

    def _lost(self, fault: Exception) -> TransientError:
        kind = type(fault.__cause__).__name__
        if self._proxy is None:
            return TransientError(f"the connection failed ({kind})")
        proxy = shown(self._proxy)
        return TransientError(
            f"the connection through the proxy {proxy} failed ({kind})",
            advice="check the proxy, or name the endpoint's host in NO_PROXY",
        )

    async def _create(self, ask: Ask, body: dict[str, JSON]) -> Any:
        prompt, plain = ask.prompt, ask.sampling.mode == "plain"
        if not plain and isinstance(prompt, str):
            prompt = [{"role": "user", "content": prompt}]
        # The library's own method per path would take long to convert the body and the reply.
        return await next(self._clients).post(
            "/completions" if plain else "/chat/completions",
            cast_to=reply_type(),
            body={"model": self._model, "prompt" if plain else "messages": prompt, **body},
            options={"headers": self._headers},
        )


_opening: dict[int, threading.Lock] = {}


def connection_for(way: Route, model: str, settings: Settings) -> Connection:
    """Return this process's connection, opened on first use; equal endpoints share it.

    Raises:
        ModelError: If the environment names a proxy that can't be used.
    """
    process = os.getpid()
    with _opening.setdefault(process, threading.Lock()):
        return _line(process, way, model, settings)


@lru_cache(maxsize=64)
def _line(process: int, way: Route, model: str, settings: Settings) -> Connection:
    return Connection(way, model, settings)


def _close(clients: Sequence[Any]) -> None:
    for one in clients:
        in_background(one.close())


T = TypeVar("T")

# By process: a forked child has its parent's memory, but not its threads.
# Reentrant, since a garbage-collected client may be closed from any code.
_locks: dict[int, threading.RLock] = {}
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def in_background(work: Coroutine[Any, Any, T]) -> "Future[T]":
    """Start a coroutine on this process's background loop; cancel the future to stop it.

    It may be called from any thread, including one that runs its own event loop.
    """
    return asyncio.run_coroutine_threadsafe(work, _loop())


def _loop() -> asyncio.AbstractEventLoop:
    process = os.getpid()
    with _locks.setdefault(process, threading.RLock()):
        if process not in _loops:
            _loops[process] = _begin()
        return _loops[process]


def _begin() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="evollm-llm", daemon=True).start()
    return loop
