"""A thread of its own, in which all calls run one after another."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias

_Calls: TypeAlias = "SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]"


class OneThread:
    """Runs calls of any thread in one thread.

    torch keeps memory and helper threads for every thread that computes, so that a search whose
    operators take turns would hold many times what one of them needs.
    """

    def __init__(self) -> None:
        self._calls: _Calls = SimpleQueue()
        # A daemon, because the interpreter would wait for any other one at exit.
        Thread(target=_serve, args=[self._calls], name="evollm-lm", daemon=True).start()
        weakref.finalize(self, self._calls.put, None)

    def run(self, call: Callable[[], Any]) -> Any:
        """Return what a call returns, or raise what it raises."""
        done: Future[Any] = Future()
        self._calls.put((call, done))
        return done.result()


def _serve(calls: _Calls) -> None:
    while given := calls.get():
        call, done = given
        try:
            done.set_result(call())
        except BaseException as error:  # the caller's, even an interrupt
            done.set_exception(error)
        del given, call, done
