"""TensorBoard: logs a run as event files."""

import time
from collections.abc import Sequence
from errno import ENOSPC
from io import BytesIO
from os import strerror
from pathlib import Path
from typing import Any

from evollm.callbacks.delivery import Client
from evollm.callbacks.description import Beginning, Ending
from evollm.callbacks.points import Point
from evollm.callbacks.tracker import Tracker, needs
from evollm.errors import EvollmError
from evollm.paths import creatable
from evollm.runtime.driver import Run


class TensorBoard(Tracker):
    """Logs a run to TensorBoard: a scalar per value and step, the parameters and the report.

    Args:
        folder: The log directory, in which each run gets a folder; None for the folder
            ``tensorboard`` of the run directory.
        name: Name of the run's folder; by default its system and the time. If it is taken by
            another run, a number is added.
        every: Seconds between two deliveries.
        wait: Seconds that the end of a run waits for the last one at most.

    Raises:
        EvollmError: If tensorboard is not installed, or the folder can't be one; when a run begins,
            if neither it nor the callback has a folder.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        name: str | None = None,
        every: float = 2.0,
        wait: float = 30.0,
    ) -> None:
        needs("tensorboard", "tensorboard", "TensorBoard()")
        super().__init__("TensorBoard", every, wait)
        self._folder = None if folder is None else creatable(folder)
        self._given = name

    def client(self, run: Run) -> Client:
        """Return the event files of a run.

        Raises:
            EvollmError: If neither the run nor the callback has a folder.
        """
        if self._folder is not None:
            return _Events(self._folder, self._given)
        if run.record.path is None:
            raise EvollmError("TensorBoard() needs a folder for a run without a path: give it one")
        return _Events(run.record.path, None, "tensorboard")


class _Events:
    """The event files of one run.

    Args:
        folder: The log directory.
        given: Name of the run's folder in it, if the user gave one.
        fixed: Name of that folder if no other run uses it.
    """

    def __init__(self, folder: Path, given: str | None, fixed: str = "") -> None:
        self._folder, self._given, self._fixed = folder, given, fixed
        self._name = fixed
        self._step = 0

    def open(self, begins: Beginning, known: str | None) -> tuple[str | None, int]:
        """Continue in the run's folder, or make one; see ``Client.open``."""
        if not self._name:
            self._name = Path(known).name if known else self._free(begins.system)
        place = self._folder / self._name
        last = _last_step(place)
        place.mkdir(parents=True, exist_ok=True)
        self._file = _EventFile(place)
        if last < 0:
            self._describe(begins)
        self._file.restart(last + 1)
        self._step = max(0, last)
        self._file.flush()
        return None if self._fixed else self._name, last

    def _free(self, system: str) -> str:
        """Return a name that no folder has."""
        name = self._given or f"{system}-{time.strftime('%Y%m%d-%H%M%S')}"
        number, free = 1, name
        while (self._folder / free).exists():
            number += 1
            free = f"{name}-{number}"
        return free

    def _describe(self, begins: Beginning) -> None:
        """Write the parameters, as a text and for the table of runs."""
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        facts = {**begins.labels, **begins.parameters}
        rows = [f"| {_cell(key)} | {_cell(said)} |" for key, said in facts.items()]
        self._file.text("parameters", "\n".join(["| name | value |", "|---|---|", *rows]), 0)
        if begins.parameters:
            self._file.summary(hparams_pb(dict(begins.parameters), trial_id=self._name), 0)

    def send(self, points: Sequence[Point]) -> None:
        """Write a scalar for each value of each point."""
        for point in points:
            self._file.scalars(point.values, point.step)
        self._step = points[-1].step
        self._file.flush()

    def close(self, ends: Ending) -> None:
        """Write the best candidate and the report as text."""
        report = "\n".join(f"    {line}" for line in ends.report.splitlines())
        self._file.text("result", f"{_cell(ends.stopped)}\n\n{report}", self._step)
        self._file.flush()


class _EventFile:
    """One file of events, written in this thread, so that its errors are raised here."""

    def __init__(self, place: Path) -> None:
        now = time.time_ns()  # files are read in the order of their names
        self._file = place / f"events.out.tfevents.{now // 10**9:010d}.{now % 10**9:09d}"
        self._buffer = BytesIO()
        self._write(file_version="brain.Event:2")

    def _write(self, step: int = 0, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        event = Event(wall_time=time.time(), step=step, **content)
        RecordWriter(self._buffer).write(event.SerializeToString())

    def restart(self, step: int) -> None:
        """Make readers forget what earlier files have of this step and later ones."""
        from tensorboard.compat.proto.event_pb2 import SessionLog

        self._write(step, session_log=SessionLog(status=SessionLog.START))

    def summary(self, summary: Any, step: int) -> None:
        self._write(step, summary=summary)

    def scalars(self, values: Any, step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        listed = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._write(step, summary=Summary(value=listed))

    def text(self, tag: str, words: str, step: int) -> None:
        from tensorboard.plugins.text.summary_v2 import text_pb

        self._write(step, summary=text_pb(tag, words))

    def flush(self) -> None:
        """Append what was written, at once; a file that failed is not to be used any more."""
        with self._file.open("ab", buffering=0) as out:
            if out.write(self._buffer.getbuffer()) != self._buffer.tell():
                raise OSError(ENOSPC, strerror(ENOSPC))
        self._buffer = BytesIO()


def _last_step(place: Path) -> int:
    """Return the last step for which there are all scalars in a folder; -1 before any."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not any(place.glob("events.out.tfevents.*")):
        return -1
    kept = EventAccumulator(str(place), size_guidance={"scalars": 0})
    kept.Reload()
    known = "evaluations" in kept.Tags()["scalars"]
    return max(one.step for one in kept.Scalars("evaluations")) if known else -1


def _cell(words: str) -> str:
    """Return words for a cell of a Markdown table, on one line."""
    return " ".join(words.replace("|", "\\|").split())
