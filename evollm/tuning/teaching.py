"""Examples made ahead of the training, in other processes."""

import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread

from evollm.tuning.examples import VALIDATION, Example, Teacher

AHEAD = 4
"""Batches per worker that are made ahead."""


def seed_of(seed: int, step: int) -> int:
    """Return the seed of a step's examples."""
    return (seed * 1_000_003 + step) % VALIDATION


@contextmanager
def supply(
    teacher: Teacher, seed: int, first: int, count: int, workers: int
) -> Iterator[Iterator[list[Example]]]:
    """Make the examples of one step after another, ahead of their use.

    Args:
        teacher: What makes them.
        seed: Of the training.
        first: The first step.
        count: Examples per step.
        workers: Number of processes.

    Yields:
        The examples of each step, without end.
    """
    with ProcessPoolExecutor(workers, get_context("spawn"), _serve_only) as pool:
        waiting: deque[Future[list[Example]]] = deque()

        def submit(step: int) -> None:
            waiting.append(pool.submit(_made, teacher, count, seed_of(seed, step)))

        def coming() -> Iterator[list[Example]]:
            step = first
            for ahead in range(AHEAD * workers):
                submit(step + ahead)
            while True:
                submit(step + AHEAD * workers)
                step += 1
                yield waiting.popleft().result()

        try:
            yield coming()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _serve_only() -> None:
    """Leave an interrupt to the process that trains, and end with it, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        parent = parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)  # a worker of a pool would wait for work for ever

    Thread(target=follow, daemon=True).start()


def _made(teacher: Teacher, count: int, seed: int) -> list[Example]:
    return list(teacher.examples(count, seed))
