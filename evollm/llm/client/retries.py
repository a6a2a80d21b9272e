"""The one place where a request is tried again."""

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar

from evollm.llm.base import ModelError
from evollm.llm.client.answers import clean
from evollm.llm.client.contexts import REFUSED, named_limit
from evollm.llm.client.limits import Limiter
from evollm.llm.client.settings import Settings

RETRIED = (408, 409, 429)
UNFIT = (400, 413, 422)
TOO_LONG = ("context_length_exceeded", "exceed_context_size_error")
FILTERED = ("content_filter", "content_policy_violation")


class TransientError(Exception):
    """A fault that may pass: a time-out, a lost connection, a server that is busy.

    Attributes:
        wait_s: How long the server asks to wait, or None.
        slow_down: Whether all requests to the endpoint shall wait.
    """

    def __init__(self, why: str, wait_s: float | None = None, slow_down: bool = False) -> None:
        super().__init__(why)
        self.wait_s = wait_s
        self.slow_down = slow_down


class PromptRejected(Exception):
    """A fault of one prompt, which no repetition mends: it is too long, or the provider bars it."""


class Refused(ModelError):
    """The endpoint has refused a request.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Unanswered(Exception):
    """No answer after all retries; its text says why and how often it was tried."""


def judge(fault: Any, model: str, url: str, secret: str) -> Exception:
    """Return what to raise for an ``openai.APIStatusError``.

    Args:
        fault: The error.
        model: The model's name.
        url: The endpoint's address.
        secret: The key, which must not show in any text.

    Returns:
        ``TransientError``, ``PromptRejected`` or ``Refused``.
    """
    status, said = fault.status_code, words(fault, secret)
    marks = {str(mark) for mark in (fault.code, fault.type) if mark}
    if "insufficient_quota" in marks:
        return Refused(
            f"The account behind {url} has no quota left for the model {model}: add credit or use "
            "another key.",
            status,
        )
    if status in RETRIED or (status >= 500 and status != HTTPStatus.NOT_IMPLEMENTED):
        wait_s = retry_after(fault.response.headers)
        return TransientError(f"status {status}: {said}", wait_s, slow_down=status == 429)
    if marks & set(TOO_LONG) or (status in UNFIT and named_limit(said)):
        return PromptRejected(f"{REFUSED}, it is too long: {said}")
    if marks & set(FILTERED):
        return PromptRejected(f"{REFUSED}: {said}")
    return Refused(_sentence(fault, model, url, said), status)


def _sentence(fault: Any, model: str, url: str, said: str) -> str:
    status = fault.status_code
    if status == HTTPStatus.UNAUTHORIZED:
        return f"The endpoint {url} refuses the key for the model {model}: set OPENAI_API_KEY."
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"The endpoint {url} forbids this key to use the model {model}: use another key or "
            f"model ({said})."
        )
    if status == HTTPStatus.NOT_FOUND:
        return (
            f"The endpoint {url} knows no model {model}, or lacks what is asked of it: check the "
            f"model's name and the base URL ({said})."
        )
    option = f" the option {fault.param!r} of" if isinstance(fault.param, str) else ""
    return (
        f"The endpoint {url} refuses{option} a request to the model {model} with status {status}: "
        f"leave out or change what it names ({said})."
    )


def silence(model: str, url: str, why: str) -> ModelError:
    """Return what to raise if an endpoint has answered nothing after all retries."""
    return ModelError(
        f"The endpoint {url} does not answer for the model {model}: {why}; check the address and "
        "whether the server runs."
    )


def words(fault: Any, secret: str) -> str:
    """Return what the server said, on one line, shortened, and without the key."""
    body = fault.body
    said = body.get("message") if isinstance(body, Mapping) else body
    text = " ".join(clean(str(said or fault.message)).split()).rstrip(".")
    return text.replace(secret, "***")[:300] if secret else text[:300]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a server asks to wait: in milliseconds, seconds, or as a date."""
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
    except ValueError:
        return None


T = TypeVar("T")

LONGEST_WAIT_S = 60.0
_jitter = random.Random()


class RetryPolicy:
    """How long to try one request: so many attempts, and so many seconds of waiting in all.

    Being told to slow down costs no attempt, and makes all requests of the endpoint wait.
    """

    def __init__(self, settings: Settings, limiter: Limiter) -> None:
        self._settings = settings
        self._limiter = limiter
        self._sent = self._slowed = 0

    async def call(self, send: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Return what ``send(*arguments)`` returns, called again as long as it raises ``TransientError``.

        Raises:
            Unanswered: If patience ends.
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
        except TransientError as hiccup:
            times = "1 attempt" if self._sent == 1 else f"{self._sent} attempts"
            raise Unanswered(f"{hiccup}, after {times}") from None
        return result

    def _wait(self, state: Any) -> float:
        hiccup: TransientError = state.outcome.exception()
        self._sent = state.attempt_number
        if hiccup.wait_s is None:
            doubled = self._settings.first_wait_s * 2.0 ** (self._sent - 1)
            seconds = min(LONGEST_WAIT_S, doubled) * _jitter.uniform(0.5, 1.0)
        else:
            seconds = hiccup.wait_s + self._settings.first_wait_s * _jitter.uniform(0.0, 0.5)
        if hiccup.slow_down:
            self._slowed += 1
            self._limiter.close(seconds if hiccup.wait_s is None else hiccup.wait_s)
        return seconds

    def _stop(self, state: Any) -> bool:
        tried = self._sent - self._slowed
        waited = state.idle_for + state.upcoming_sleep
        return tried >= self._settings.retries or waited > self._settings.max_wait_s
