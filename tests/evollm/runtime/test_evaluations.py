"""Batches are cut by the slowest recent evaluation, and what failed is tried again."""

from math import inf
from typing import Any

from evollm import Outcome
from evollm.executors.base import Done, Serial
from evollm.executors.scoring import Chunk, Scores
from evollm.runtime.evaluations import EvaluationQueue
from evollm.search.search import Search
from evollm.testing import Trial, once
from evollm.types import Offspring


class Noting(Serial):
    """An executor that evaluates nothing."""

    def __init__(self, workers: int = 1) -> None:
        super().__init__()
        self.workers = workers
        self.chunks: list[Chunk] = []

    def submit(self, chunk: Chunk, done: Done) -> None:
        self.chunks.append(chunk)


def sent(size: int, executor: Noting, elementwise: bool = True) -> EvaluationQueue:
    """Return batches whose only job has been sent as far as workers are free."""
    batches = EvaluationQueue(Trial(elementwise=elementwise), executor, lambda *done: None)
    search = Search(once(list(range(size))))
    (made,) = search.ask()
    search.tell(made, Offspring(list(range(size))))
    (ticket,) = search.ask()
    batches.add(ticket, ())
    batches.send(inf)
    return batches


def answer(batches: EvaluationQueue, executor: Noting, seconds: float) -> int:
    """Score the oldest chunk whole, send the next, and return how large that is."""
    chunk = executor.chunks.pop(0)
    batches.take(chunk, Scores([Outcome(0.0)] * len(chunk.places), None, seconds))
    batches.send(inf)
    return len(executor.chunks[-1].places)


def test_chunks_follow_the_slowest_recent_evaluation() -> None:
    executor = Noting()
    batches = sent(100_000, executor)
    assert [answer(batches, executor, 1e-6) for _ in range(4)] == [10, 100, 1000, 10_000]
    assert answer(batches, executor, 2.0 * 10_000) == 1
    assert {answer(batches, executor, 1e-6) for _ in range(49)} == {1}
    assert answer(batches, executor, 1e-6) == 10


def test_the_last_chunks_of_a_batch_are_shared_among_the_workers() -> None:
    executor = Noting(2)
    batches = sent(40, executor)
    sizes = [answer(batches, executor, 0.001) for _ in range(6)]
    assert sizes == [10, 7, 6, 4, 3, 2]


def test_a_batch_that_wants_to_be_whole_is_cut_among_the_workers_only() -> None:
    executor = Noting(3)
    sent(9, executor, elementwise=False)
    assert [len(chunk.places) for chunk in executor.chunks] == [3, 3, 3]


def taken(parts: list[Scores], size: int = 4) -> tuple[list[Any], list[tuple[int, ...]]]:
    """Send a whole batch, take what comes of it; return the places answered and those sent anew."""
    executor = Noting()
    batches = sent(size, executor, elementwise=False)
    chunk, answered = executor.chunks.pop(), []
    for part in parts:
        answered += [place for place, _ in batches.take(chunk, part)[0]]
    assert (batches.in_flight, batches.genomes) == (0, 0)
    while True:
        batches.send(inf)
        if not batches.in_flight:
            return answered, [one.places for one in executor.chunks]
        batches.take(executor.chunks[-1], Scores((Outcome(1.0),) * len(executor.chunks[-1].places)))


ONE = Scores((Outcome(1.0),), last=False)


def test_what_was_not_begun_is_sent_again() -> None:
    assert taken([ONE, Scores(())]) == ([0], [(1, 2, 3)])
    assert taken([ONE, ONE, ONE, ONE, Scores(())]) == ([0, 1, 2, 3], [])


def test_of_a_stream_that_breaks_only_the_next_genome_is_under_suspicion() -> None:
    assert taken([ONE, Scores((), "broken")]) == ([0], [(1,), (2, 3)])
    assert taken([ONE, ONE, ONE, Scores((), "broken")]) == ([0, 1, 2, 3], [])
    assert taken([ONE, ONE, ONE, Scores((), "dead", died=True)]) == ([0, 1, 2], [(3,)])


def test_of_a_batch_that_breaks_as_one_all_are() -> None:
    assert taken([Scores((), "broken")]) == ([], [(0,), (1,), (2,), (3,)])
