"""A child process that evaluates chunks for a pool, and its protocol."""

import contextlib
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from typing import Any

from evollm.errors import EvollmError
from evollm.executors.pickling import pickled, sendable
from evollm.executors.remote_ledger import Question, RemoteLedger, Reply
from evollm.executors.scoring import Halted, Scores, parts
from evollm.functions import prepare
from evollm.types import Outcome, Problem

HALT = b""
"""Tells a child to skip the rest of its chunk."""
REPLY = b"reply"
"""Marks the beginning of a reply to a child's question."""


def main() -> None:
    """Serve as a child: receive a problem and then chunks by a pipe, and send outcomes back."""
    from multiprocessing.connection import Connection

    pipe = Connection(int(sys.argv.pop()))
    os.dup2(2, 1)  # the problem's output goes to standard error
    inbox = _Inbox()
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=inbox.listen, args=(pipe,), daemon=True).start()
    threading.Thread(target=_speak, args=(pipe, answers), daemon=True).start()
    what = "load"
    try:
        problem = pickle.loads(inbox.chunks.get())
        what = "prepare"
        prepare(problem)
    except BaseException as error:
        pipe.send_bytes(pickle.dumps(f"can't {what} the problem: {type(error).__name__}: {error}"))
        return
    answers.put(pickle.dumps(None))

    def ask(question: Question) -> Reply:
        answers.put(pickle.dumps(question))
        reply: Reply = pickle.loads(inbox.replies.get())
        return reply

    account = RemoteLedger(ask)
    while True:
        chunk = inbox.chunks.get()
        inbox.halted.clear()
        for answer in _work(problem, chunk, account, inbox.halted.is_set):
            answers.put(answer)


class _Inbox:
    """The messages to a child, by kind."""

    def __init__(self) -> None:
        self.chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.halted = threading.Event()

    def listen(self, pipe: Any) -> None:
        """Pass messages on; end the process when the pipe closes, even during an evaluation."""
        try:
            while True:
                message = pipe.recv_bytes()
                if message == HALT:
                    self.halted.set()
                elif message.startswith(REPLY):
                    self.replies.put(message.removeprefix(REPLY))
                else:
                    self.chunks.put(message)
        except (OSError, EOFError):
            os.killpg(0, signal.SIGKILL)


def _speak(pipe: Any, answers: "queue.SimpleQueue[bytes]") -> None:
    """Send answers as they arrive; those that are waiting are sent as one message."""
    while True:
        gathered = [answers.get()]
        with contextlib.suppress(queue.Empty):
            while True:
                gathered.append(answers.get_nowait())
        with contextlib.suppress(OSError):  # the listener then ends the process
            pipe.send_bytes(b"".join(gathered))


def _work(
    problem: Problem[Any], parcel: bytes, account: RemoteLedger, halted: Halted
) -> Iterator[bytes]:
    """Evaluate one chunk, and turn every error into a failed outcome."""
    try:
        chunk = replace(pickle.loads(parcel), ledger=account)
    except BaseException as error:
        yield pickle.dumps(Scores((), f"the genome can't be loaded: {error}"))
        return
    try:
        for found in parts(problem, chunk, halted):
            yield _parcel(found)
    except EvollmError as error:
        yield pickle.dumps(error)


def _parcel(found: Scores) -> bytes:
    """Pickle a chunk's outcomes; one that can't be pickled becomes a failure.

    Objects that can't be pickled by reference are pickled by value; info that can't be pickled is
    dropped.
    """
    try:
        return pickle.dumps(found)
    except BaseException:  # tried again below
        pass
    try:
        return pickled(sendable(found), "an outcome")
    except BaseException as error:
        fault = f"the outcome can't be sent back: {error}"
        if len(found.outcomes) != 1:
            return pickle.dumps(Scores((), fault, found.seconds))
        return pickle.dumps(replace(found, outcomes=(Outcome(-inf, error=fault),)))
