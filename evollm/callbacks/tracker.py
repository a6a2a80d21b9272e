"""Trackers: what the callbacks that log a run to an experiment tracker share."""

import time
from importlib.util import find_spec
from math import inf, isfinite
from typing import Any

from evollm.callbacks.delivery import Client, Delivery
from evollm.callbacks.description import beginning, ending
from evollm.callbacks.points import Points, completed
from evollm.errors import EvollmError
from evollm.runtime.driver import Run
from evollm.types import Individual


class Tracker:
    """Logs each completed step of a run to a tracker; a callback for ``run``.

    The points are read from the record. So a resumed run continues where the tracker's log ends,
    and a run that was recorded without a tracker is logged as a whole when its call is repeated
    with one. A subclass defines ``client``.

    Args:
        name: Name of the tracker.
        every: Seconds between two deliveries.
        wait: Seconds that the end of a run waits for the tracker at most.

    Raises:
        EvollmError: If a number of seconds is negative.
    """

    def __init__(self, name: str, every: float, wait: float) -> None:
        for word, seconds in (("every", every), ("wait", wait)):
            if not isinstance(seconds, int | float) or not isfinite(seconds) or seconds < 0:
                raise EvollmError(f"{word} must be a number of seconds, not {seconds!r}")
        self._name, self._every, self._wait = name, every, wait
        self._run: Run | None = None
        self._step, self._sent = -1, -inf

    def client(self, run: Run) -> Client:
        """Return the tracker's side of a run."""
        raise NotImplementedError(f"{type(self).__name__} must define client(run)")

    def __call__(self, run: Run, individual: Individual[Any]) -> None:
        """Do nothing, because steps are logged by ``tick``."""

    def tick(self, run: Run) -> None:
        """Log the steps that are complete, if it is time to; at the end also the result."""
        if run is not self._run:
            self._begin(run)
        now, step = time.monotonic(), completed(run)
        if run.finished:
            self._delivery.end(self._points.until(step), ending(run), self._wait)
        elif now - self._sent > self._every and step > self._step:
            self._sent, self._step = now, step
            self._delivery.put(self._points.until(step))

    def _begin(self, run: Run) -> None:
        self._delivery = Delivery(self._name, self.client(run), beginning(run), run.record)
        self._points = Points(run.record)
        self._run, self._step, self._sent = run, -1, -inf


def needs(module: str, extra: str, what: str) -> None:
    """Check that an optional package is installed, without importing it.

    Raises:
        EvollmError: If it is not; the message says how to install it.
    """
    if find_spec(module) is None:
        raise EvollmError(f"{what} needs {module}: pip install 'evollm[{extra}]'")
