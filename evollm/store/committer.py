"""The committer: commits recorded rows while their writer is busy."""

import contextlib
import threading

from evollm.store.record import Record

_SOON = 0.05  # seconds


class Committer:
    """Commits a record every 50 ms from its own thread, once started."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it is running."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="evollm-commit", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while not self._closed.wait(_SOON):
            with contextlib.suppress(Exception):  # the writer's own commit raises it again
                self._record.commit()

    def close(self) -> None:
        """End the thread, before the record is closed."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
