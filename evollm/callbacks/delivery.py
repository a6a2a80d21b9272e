"""Delivery: sends a run's points to a tracker from a thread; a failure is only a warning."""

import logging
import queue
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from evollm.callbacks.description import Beginning, Ending
from evollm.callbacks.points import Point
from evollm.errors import described
from evollm.store.record import Record

log = logging.getLogger("evollm")

_LONGEST = 400  # characters of a client's error


class Client(Protocol):
    """A tracker's side of a run. Any method may raise any exception; ``open`` is then repeated."""

    def open(self, begins: Beginning, known: str | None) -> tuple[str | None, int]:
        """Start to log a run, or continue to.

        Args:
            begins: The run.
            known: The tracker's name of the run, as recorded when it was logged before.

        Returns:
            The tracker's name of the run, None if it need not be recorded; and the last step that
            the tracker has, -1 before any.
        """
        ...

    def send(self, points: Sequence[Point]) -> None:
        """Log some points."""
        ...

    def close(self, ends: Ending) -> None:
        """Log how the run has ended."""
        ...


@dataclass(slots=True)
class _Parcel:
    points: list[Point] = field(default_factory=list)
    ends: Ending | None = None


class Delivery:
    """Sends points to a tracker from a thread, so that the search does not wait for it.

    If the tracker fails, this is logged as a warning once; the points are kept, and sent with the
    next ones. A tracker is asked first what it has, so that no point is sent twice.

    Args:
        name: Name of the tracker, for the warning and in the record.
        client: The tracker's side.
        begins: The run.
        record: Its record, which keeps the tracker's name of the run.
    """

    def __init__(self, name: str, client: Client, begins: Beginning, record: Record) -> None:
        self._name, self._client, self._begins, self._record = name, client, begins, record
        self._parcels: queue.SimpleQueue[_Parcel] = queue.SimpleQueue()
        self._waiting: list[Point] = []
        self._open = self._warned = False
        self._last = -1
        self._thread = threading.Thread(target=self._work, name=f"evollm-{name}", daemon=True)
        self._thread.start()

    def put(self, points: Sequence[Point]) -> None:
        """Send points soon."""
        self._parcels.put(_Parcel(list(points)))

    def end(self, points: Sequence[Point], ends: Ending, seconds: float) -> None:
        """Send the last points and the end, and wait until all is sent.

        Args:
            points: The last ones.
            ends: How the run has ended.
            seconds: How long to wait at most.
        """
        self._parcels.put(_Parcel(list(points), ends))
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._warn(f"it has not taken all points within {seconds:g} seconds")

    def _work(self) -> None:
        done = False
        while not done:
            parcel = self._parcels.get()
            done = parcel.ends is not None
            self._waiting += parcel.points
            try:
                self._send(parcel.ends)
            except Exception as error:  # of the tracker's client, which may raise anything
                self._open = False
                self._warn(described(error))

    def _send(self, ends: Ending | None) -> None:
        if not self._open:
            key = f"{self._name} run"
            name, self._last = self._client.open(self._begins, self._record.get(key))
            if name is not None:
                self._record.put(key, name)
                self._record.commit()
            self._open = True
        fresh = [point for point in self._waiting if point.step > self._last]
        if fresh:
            self._client.send(fresh)
            self._last = fresh[-1].step
        self._waiting.clear()
        if ends is not None:
            self._client.close(ends)

    def _warn(self, why: str) -> None:
        if not self._warned:
            safe = re.sub(r"//[^/@\s]+@", "//***@", why)[
                :_LONGEST
            ]  # an address may hold a password
            said = "%s did not get all of this run, which is not affected: %s"
            log.warning(said, self._name, safe[:_LONGEST])
        self._warned = True
