"""Callers: operators at work, in threads of their own if they mostly wait for a model."""

import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from evollm.errors import Interrupt
from evollm.ledger import Ledger, ledger
from evollm.runtime.budget import models
from evollm.search.flow import Vary
from evollm.search.search import Ticket

_LEAST = 8  # operators that may wait at the same time, whatever their models can do at once
_MOST_KNOWN = 1000  # operators whose limit is kept in mind


class VariationPool:
    """Lets operators work, and says when each is done.

    Args:
        done: Called with a ticket and what the operator returned or raised, from any thread.
        lanes: How many flows there are, each of which may wait for an operator.

    Attributes:
        active: How many are at work; who takes in what is done counts it down.
    """

    def __init__(self, done: Callable[[Ticket, Any], None], lanes: int) -> None:
        self.active = 0
        self._done = done
        self._lanes = lanes
        self._limits: dict[int, tuple[object, int]] = {}
        self._threads: list[threading.Thread] = []
        self._work: SimpleQueue[tuple[Ticket, Callable[[], Any]] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)

    def free(self, ticket: Ticket) -> bool:
        """Return whether an operator can begin now.

        As many wait at once as their models answer at once, or as there are lanes if the models
        don't say: the rest takes turns, for whoever has begun must be waited for at a stop.
        """
        return not _waits(ticket) or self.active < self._limit(ticket)

    def _limit(self, ticket: Ticket) -> int:
        """Return how many may wait at once beside a job; its models are looked for once."""
        job = ticket.job
        assert isinstance(job, Vary)
        known = self._limits.get(id(job.operator))
        if known is None:
            if len(self._limits) > _MOST_KNOWN:
                self._limits.clear()
            found = [getattr(model, "concurrency", None) for model in models([job.operator])]
            most = max((one for one in found if one), default=self._lanes)
            known = self._limits[id(job.operator)] = (job.operator, max(_LEAST, most))
        return known[1]

    def call(self, ticket: Ticket, account: Ledger) -> None:
        """Let a job's operator work; its model calls go to the account."""
        job = ticket.job
        assert isinstance(job, Vary)
        context = contextvars.copy_context()
        context.run(ledger.set, account)

        def work() -> Any:
            try:
                return context.run(job.operator.vary, job.parents, job.n, job.seed)
            except Interrupt:
                raise
            except BaseException as error:
                return error

        self.active += 1
        if not _waits(ticket):
            self._done(ticket, work())
            return
        if not self._idle.acquire(blocking=False):
            # A daemon, for the interpreter would wait for any other thread when the user leaves.
            thread = threading.Thread(target=self._serve, name="evollm-vary", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._work.put((ticket, work))

    def _serve(self) -> None:
        while given := self._work.get():
            ticket, work = given
            answer = work()
            self._idle.release()
            self._done(ticket, answer)

    def close(self, wait: bool = True) -> None:
        """Wait for the operators that are at work, or leave them to themselves."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads if wait else ():
            thread.join()


def _waits(ticket: Ticket) -> bool:
    """Return whether a job's operator mostly waits for a network."""
    return bool(getattr(getattr(ticket.job, "operator", None), "io_bound", False))
