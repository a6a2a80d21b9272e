"""The committer: makes durable what was noted while its writer is busy with something long."""

import contextlib
import threading

from evollm.store.record import Record

_SOON = 0.05  # seconds


class Committer:
    """Commits a record every 50 ms from a thread of its own, once it is started."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="evollm-commit", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while not self._closed.wait(_SOON):
            with contextlib.suppress(Exception):  # the writer's own commit meets it again
                self._record.commit()

    def close(self) -> None:
        """End the thread, before the record is closed."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
