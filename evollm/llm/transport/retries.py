"""The retry policy: the only place where a request is repeated."""

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from evollm.llm.base import ModelError
from evollm.llm.client.contexts import REFUSED, named_limit
from evollm.llm.client.settings import Settings
from evollm.llm.transport.complaints import Complaint
from evollm.llm.transport.limits import Limiter

RETRIED = (408, 409, 429)
UNFIT = (400, 413, 422)
TOO_LONG = ("context_length_exceeded", "exceed_context_size_error")
FILTERED = ("content_filter", "content_policy_violation")
CHECK = "check the address and whether the server runs"


class TransientError(Exception):
    """A temporary fault: a timeout, a lost connection, a busy server.

    Attributes:
        wait_s: How long the server asks to wait, or None.
        slow_down: Whether all requests to the endpoint must wait.
        advice: How to fix it if it persists.
    """

    def __init__(
        self,
        why: str,
        wait_s: float | None = None,
        slow_down: bool = False,
        advice: str = CHECK,
    ) -> None:
        super().__init__(why)
        self.wait_s = wait_s
        self.slow_down = slow_down
        self.advice = advice


class PromptRejected(Exception):
    """A prompt that retries can't help: it is too long, or the provider's filter rejects it."""


class Refused(ModelError):
    """The endpoint has refused a request.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Unanswered(Exception):
    """No answer after all retries; the message names the cause and the limit that was reached.

    Attributes:
        advice: How to fix it.
        everywhere: Whether the endpoint rejects all requests, so that no more need be sent.
    """

    def __init__(self, why: str, advice: str, everywhere: bool = False) -> None:
        super().__init__(why)
        self.advice = advice
        self.everywhere = everywhere


def judge(fault: Complaint, model: str, url: str) -> Exception:
    """Return the exception for an error of an endpoint.

    Args:
        fault: The error, without secrets.
        model: The model's name.
        url: The endpoint's address.

    Returns:
        ``TransientError``, ``PromptRejected`` or ``Refused``.
    """
    status = fault.status
    if "insufficient_quota" in fault.marks:
        return Refused(
            f"the account behind {url} has no quota left for the model {model}: add credit or use "
            "another key",
            status,
        )
    if status in RETRIED or (status >= 500 and status != HTTPStatus.NOT_IMPLEMENTED):
        why = f"status {status}: {fault.said}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            advice = (
                "lower concurrency or requests_per_minute, raise max_wait_s, or continue the run "
                "later"
            )
        else:
            advice = "see the server's log, or continue the run later"
        return TransientError(why, retry_after(fault.headers), status == 429, advice)
    if fault.marks & set(TOO_LONG) or (status in UNFIT and named_limit(fault.said)):
        return PromptRejected(f"{REFUSED}, it is too long: {fault.said}")
    if fault.marks & set(FILTERED):
        return PromptRejected(f"{REFUSED}: {fault.said}")
    return Refused(_sentence(fault, model, url), status)


def _sentence(fault: Complaint, model: str, url: str) -> str:
    status, message = fault.status, fault.said
    if status == HTTPStatus.UNAUTHORIZED:
        return (
            f"the endpoint {url} refuses the key for the model {model}: set OPENAI_API_KEY "
            f"({message})"
        )
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"the endpoint {url} forbids this key to use the model {model}: use another key or "
            f"model ({message})"
        )
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        bare = not urlsplit(url).path.strip("/")
        return (
            f"the endpoint {url} does not know the model {model}, or does not support the request: "
            "check the model's name and the base URL"
            f"{', which probably lacks /v1' if bare else ''} ({message})"
        )
    named = sorted(fault.fields - {"body"})
    options = f" {' and '.join(map(repr, named))} in" if named else ""
    return (
        f"the endpoint {url} refuses{options} a request to the model {model} with status {status}: "
        f"change what the message names ({message})"
    )


def silence(model: str, url: str, why: Unanswered) -> ModelError:
    """Return the error for an endpoint that has not answered after all retries."""
    return ModelError(
        f"the endpoint {url} does not answer for the model {model}: {why}; {why.advice}"
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, given as milliseconds, seconds or a date."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        asked = headers.get("retry-after")
        if asked is None:
            return None
        try:
            return max(0.0, float(asked))
        except ValueError:
            return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


T = TypeVar("T")

LONGEST_WAIT_S = 60.0
_jitter = random.Random()


class RetryPolicy:
    """Limits the attempts of one request, and its total waiting time.

    A 429 is not counted as an attempt and makes all requests of the endpoint wait; if none is
    answered for ``max_wait_s`` seconds, or if the endpoint asks for a longer wait, the attempts
    end.
    """

    def __init__(self, settings: Settings, limiter: Limiter) -> None:
        self._settings = settings
        self._limiter = limiter
        self._sent = self._slowed = 0
        self._bound = ""
        self._begun = time.monotonic()
        self._everywhere = False

    async def call(self, send: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Return what ``send(*arguments)`` returns; call again while it raises ``TransientError``.

        Raises:
            Unanswered: If a limit is reached.
        """
        from tenacity import AsyncRetrying, retry_if_exception_type

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TransientError),
            wait=self._wait,
            stop=self._stop,
            reraise=True,
        )
        try:
            result: T = await retrying(send, *arguments)
        except TransientError as error:
            times = "1 attempt" if self._sent == 1 else f"{self._sent} attempts"
            raise Unanswered(
                f"{error}, after {times} ({self._bound})", error.advice, self._everywhere
            ) from None
        self._limiter.ease()
        return result

    def _wait(self, state: Any) -> float:
        error: TransientError = state.outcome.exception()
        self._sent = state.attempt_number
        if error.wait_s is None:
            doubled = self._settings.first_wait_s * 2.0 ** min(self._sent - 1, 30)
            seconds = min(LONGEST_WAIT_S, doubled) * _jitter.uniform(0.5, 1.0)
        else:
            seconds = error.wait_s + self._settings.first_wait_s * _jitter.uniform(0.0, 0.5)
        if error.slow_down:
            self._slowed += 1
            pause = seconds if error.wait_s is None else error.wait_s
            if pause <= self._settings.max_wait_s:
                self._limiter.close(pause)
        return seconds

    def _stop(self, state: Any) -> bool:
        most = self._settings.max_wait_s
        error: TransientError = state.outcome.exception()
        too_long = error.wait_s is not None and error.wait_s > most
        slowed = self._limiter.slowed_s + state.upcoming_sleep if error.slow_down else 0.0
        silent = slowed > most and not self._limiter.answered_since(self._begun)
        self._everywhere = error.slow_down and (too_long or silent)
        if too_long:
            self._bound = f"it asks to wait {error.wait_s:.0f} s, more than max_wait_s={most:g}"
        elif self._sent - self._slowed >= self._settings.retries:
            self._bound = f"retries={self._settings.retries}"
        elif max(state.idle_for + state.upcoming_sleep, slowed) > most:
            self._bound = f"another wait would exceed max_wait_s={most:g}"
        return bool(self._bound)
