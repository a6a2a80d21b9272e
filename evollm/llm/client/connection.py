"""The line to one model at one endpoint: the client, its limits, and what was learnt of it."""

import asyncio
import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from functools import lru_cache
from typing import Any, TypeVar

from evollm.llm.client.answers import Answer, read
from evollm.llm.client.batching import SampleBatcher, Timed
from evollm.llm.client.formats import RequestFormat
from evollm.llm.client.limits import Limiter
from evollm.llm.client.requests import Ask
from evollm.llm.client.retries import PromptRejected, RetryPolicy, TransientError, judge
from evollm.llm.client.settings import Settings
from evollm.types import JSON


class Connection:
    """Sends requests; its coroutines belong to the background loop.

    Attributes:
        url: The endpoint's address.
        abilities: What has been found out about the endpoint, by capability.
        probing: Held by the thread that finds out.
    """

    def __init__(self, base_url: str, key: str, model: str, settings: Settings) -> None:
        from openai import AsyncOpenAI

        self.abilities: dict[str, bool] = {}
        self.probing = threading.Lock()
        self.url, self._key, self._model, self._settings = base_url, key, model, settings
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=key, timeout=settings.timeout_s, max_retries=0
        )
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._limiter = Limiter(settings.requests_per_minute, settings.tokens_per_minute)
        self._dialect = RequestFormat()
        self._warned = False
        self._groups = SampleBatcher(self._answers, settings.group) if settings.group > 1 else None
        weakref.finalize(self, _close, self._client).atexit = False

    async def answer(self, ask: Ask, constrain: bool) -> tuple[Answer, float]:
        """Return the answer, and the seconds that its request took.

        Args:
            ask: What to ask.
            constrain: Whether the endpoint shall hold the answer to the schema.

        Raises:
            ModelError: If the endpoint refuses.
            Unanswered: If it does not answer after all retries.
        """
        if self._groups:
            return await self._groups.answer(ask, constrain)
        return (await self._answers([ask], constrain))[0]

    async def _answers(self, asks: Sequence[Ask], constrain: bool) -> list[Timed]:
        """Answer asks that differ in their sample only, by one request."""
        patience = RetryPolicy(self._settings, self._limiter)
        try:
            return await patience.call(self._send, asks, constrain)
        except PromptRejected as unfit:
            return [(Answer(error=str(unfit), definite=False), 0.0)] * len(asks)

    async def _send(self, asks: Sequence[Ask], constrain: bool) -> list[Timed]:
        most = sum(ask.most_tokens for ask in asks)
        async with self._slots:
            await self._limiter.admit(most)
            begun = time.monotonic()
            answers = read(await self._post(asks, constrain), asks[0].options, len(asks))
            seconds = time.monotonic() - begun
        if not all(answer.counted for answer in answers):
            self._warn_uncounted()
        else:
            used = sum(answer.prompt_tokens + answer.completion_tokens for answer in answers)
            self._limiter.settle(most, used)
        return [(answer, seconds) for answer in answers]

    def _warn_uncounted(self) -> None:
        if not self._warned:
            self._warned = True
            logging.getLogger("evollm").warning(
                "The endpoint %s does not count the tokens of the model %s: they count as 0.",
                self.url,
                self._model,
            )

    async def _post(self, asks: Sequence[Ask], constrain: bool) -> dict[str, Any]:
        """Send the request; again, written anew, if the endpoint wants its options otherwise."""
        import openai

        while True:
            body = self._dialect.body(asks[0], constrain, len(asks))
            try:
                return await self._receive(asks[0], body)
            except openai.BadRequestError as fault:
                learnt = self._dialect.learn(fault, body)
                if not learnt or self._dialect.body(asks[0], constrain, len(asks)) == body:
                    raise judge(fault, self._model, self.url, self._key) from None
            except openai.APIStatusError as fault:
                raise judge(fault, self._model, self.url, self._key) from None

    async def _receive(self, ask: Ask, body: dict[str, JSON]) -> dict[str, Any]:
        import openai

        try:
            async with asyncio.timeout(self._settings.timeout_s):
                reply = json.loads(await self._create(ask, body))
        except (openai.APITimeoutError, TimeoutError):
            raise TransientError(f"no answer within {self._settings.timeout_s:g} s") from None
        except openai.APIConnectionError as fault:
            raise TransientError(
                f"the connection failed ({type(fault.__cause__).__name__})"
            ) from None
        except (ValueError, RecursionError):
            raise TransientError("the reply is not JSON") from None
        if not isinstance(reply, dict):
            raise TransientError("the reply is not a JSON object")
        return reply

    async def _create(self, ask: Ask, body: dict[str, JSON]) -> bytes:
        prompt: Any = ask.prompt
        if ask.options.mode == "plain":
            plain = self._client.completions.with_raw_response
            return (await plain.create(model=self._model, prompt=prompt, extra_body=body)).content
        if isinstance(prompt, str):
            prompt = [{"role": "user", "content": prompt}]
        chat = self._client.chat.completions.with_raw_response
        return (await chat.create(model=self._model, messages=prompt, extra_body=body)).content


_opening: dict[int, threading.Lock] = {}


def connection_for(base_url: str, key: str, model: str, settings: Settings) -> Connection:
    """Return this process's line, opened at the first use; equal endpoints share it."""
    process = os.getpid()
    with _opening.setdefault(process, threading.Lock()):
        return _line(process, base_url, key, model, settings)


@lru_cache(maxsize=64)
def _line(process: int, base_url: str, key: str, model: str, settings: Settings) -> Connection:
    return Connection(base_url, key, model, settings)


def _close(client: Any) -> None:
    in_background(client.close())


T = TypeVar("T")

# By process: a forked child has its parent's memory, but not its threads.
# Reentrant, since a collected client is closed from wherever the collector happens to run.
_locks: dict[int, threading.RLock] = {}
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def in_background(work: Coroutine[Any, Any, T]) -> "Future[T]":
    """Start a coroutine on this process's background loop; cancel the future to stop it.

    It may be called from any thread, also from one that runs an event loop of its own.
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
