"""The event loop that talks to endpoints: one a process, on a thread of its own."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

# By process: a forked child has its parent's memory, but not its threads.
# Reentrant, since a collected client is closed from wherever the collector happens to run.
_locks: dict[int, threading.RLock] = {}
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def start(work: Coroutine[Any, Any, T]) -> "Future[T]":
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
