"""Variation: runs operators, in separate threads if they mostly wait for a model."""

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

_LEAST = 8  # maximum number of waiting operators, whatever the concurrency of their models
_MOST_KNOWN = 1000  # number of operators whose limit is cached


class VariationPool:
    """Runs operators, and reports when each is done.

    Args:
        done: Called with a ticket and the operator's result or exception, from any thread.
        lanes: Number of flows, each of which may wait for an operator.

    Attributes:
        active: Number of running operators; the receiver of a result decrements it.
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

        At most as many operators wait at once as their models answer at once, or as there are lanes
        if that is unknown, because a stop must wait for all that have begun.
        """
        return not _waits(ticket) or self.active < self._limit(ticket)

    def _limit(self, ticket: Ticket) -> int:
        """Return how many operators may wait at once beside that of a job."""
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
        """Run a job's operator; its model calls go to the account."""
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
            # A daemon thread, because the interpreter would wait for any other one at exit.
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
        """Wait for the running operators, or abandon them."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads if wait else ():
            thread.join()


def _waits(ticket: Ticket) -> bool:
    """Return whether a job's operator is I/O-bound."""
    return bool(getattr(getattr(ticket.job, "operator", None), "io_bound", False))
