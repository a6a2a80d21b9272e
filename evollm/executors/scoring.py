"""Scoring: evaluates a chunk of genomes in this process, one outcome at a time."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

from evollm.copies import independent
from evollm.errors import EvollmError, Interrupt, described
from evollm.functions import takes_context
from evollm.ledger import Call, Exhausted, Ledger, ledger
from evollm.types import JSON, Outcome, Problem

T = TypeVar("T")
Halted: TypeAlias = Callable[[], bool]
"""Returns whether the rest of a chunk is to be skipped."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some places of an ``Evaluate`` job that are sent to a worker together.

    Attributes:
        job: The job's id.
        places: Indices of the candidates in the job.
        genomes: One per place.
        fidelity: The job's fidelity.
        seed: The job's seed.
        context: The job's context with the candidates' ``ids``, for problems that take one; None if
            the job has none.
        ledger: Accounts for the model calls of the evaluations; None if they are not counted. It is
            not pickled with the chunk.
    """

    job: int
    places: tuple[int, ...]
    genomes: Sequence[Any]
    fidelity: int | None
    seed: int
    context: Mapping[str, JSON] | None = None
    ledger: Ledger | None = field(default=None, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.job, self.places, self.genomes, self.fidelity, self.seed, self.context)
        return Chunk, parts


@dataclass(frozen=True, slots=True)
class Scores:
    """The outcomes of a chunk, or of its next places.

    Attributes:
        outcomes: One per place, for the next places.
        error: Why the rest of the chunk failed: an exception, a worker's death, a time limit.
        seconds: The problem's working time for these outcomes.
        died: Whether the worker died, which the genomes may not have caused.
        last: Whether these are the last outcomes of the chunk. Without an error, places that have
            no outcome by then were not evaluated.
    """

    outcomes: Sequence[Outcome]
    error: str | None = None
    seconds: float = 0.0
    died: bool = False
    last: bool = True


def parts(problem: Problem[Any], chunk: Chunk, halted: Halted) -> Iterator[Scores]:
    """Evaluate a chunk in this process, and yield each outcome as soon as it is known.

    If the problem raises an exception, the genomes without an outcome fail. The problem gets copies
    of the genomes, so that it can't change those of the record and the search.

    Args:
        problem: What scores the genomes.
        chunk: What to score.
        halted: Called before each outcome; returns whether to skip the rest.

    Raises:
        EvollmError: If the problem breaks its contract, or raises this error itself.
        Exhausted: If the budget has no room for a model call; the genome that made the call has no
            outcome.
    """
    if halted():
        yield Scores(())
        return
    began = time.perf_counter()
    found = _attempt(partial(_evaluated, problem, chunk), chunk.ledger)
    if isinstance(found, _Failure):
        yield Scores((), found, time.perf_counter() - began)
    elif isinstance(found, Iterator):
        yield from _streamed(problem, chunk, found, halted)
    else:
        _check(problem, chunk, len(found))
        yield Scores(found, None, time.perf_counter() - began)


class _Failure(str):
    """Why an attempt failed, in one line."""


def _attempt(work: Callable[[], T], account: Ledger | None) -> T | _Failure:
    """Call the user's code with an account, and turn any exception into one line."""
    watched = _Watched(account) if account else None
    token = ledger.set(watched)
    try:
        found: T | _Failure = work()
    except (EvollmError, Interrupt):
        raise
    except BaseException as error:  # only a real Ctrl-C may end a run
        found = _Failure(described(error))
    finally:
        ledger.reset(token)
    if watched and watched.refusal and not watched.refusal.dispensable:
        raise watched.refusal  # the user's code has caught it and raised another exception
    return found


class _Watched:
    """A ledger that remembers the last refusal."""

    def __init__(self, account: Ledger) -> None:
        self._account = account
        self.refusal: Exhausted | None = None

    def recall(self, key: str) -> Call | None:
        return self._account.recall(key)

    def reserve(self, tokens: int, money: float | None) -> bool:
        try:
            return self._account.reserve(tokens, money)
        except Exhausted as refusal:
            self.refusal = refusal
            raise

    def record(self, call: Call, tokens: int, money: float | None) -> None:
        self._account.record(call, tokens, money)


def _evaluated(problem: Problem[Any], chunk: Chunk) -> list[Outcome] | Iterator[Any]:
    """Call the problem: a sized answer is complete, any other yields one outcome at a time."""
    genomes = [independent(genome) for genome in chunk.genomes]
    more = {}
    if chunk.context is not None and takes_context(problem):
        more["context"] = independent(chunk.context)
    found: Iterable[Any] = problem.evaluate(genomes, chunk.fidelity, chunk.seed, **more)
    return [_outcome(one) for one in found] if hasattr(found, "__len__") else iter(found)


def _streamed(
    problem: Problem[Any], chunk: Chunk, coming: Iterator[Any], halted: Halted
) -> Iterator[Scores]:
    """Yield outcomes one by one, and at the end failures for the missing ones."""
    count = 0
    while not halted():
        began = time.perf_counter()
        found = _attempt(partial(_next, coming), chunk.ledger)
        seconds = time.perf_counter() - began
        if isinstance(found, _Failure):
            yield Scores((), found, seconds)
            return
        if found is None:
            _check(problem, chunk, count)
            break
        count += 1
        if count > len(chunk.genomes):
            _check(problem, chunk, count)
        yield Scores((found,), None, seconds, last=False)
    yield Scores(())


_END = object()


def _next(coming: Iterator[Any]) -> Outcome | None:
    found = next(coming, _END)
    return None if found is _END else _outcome(found)


def _outcome(found: Any) -> Outcome:
    """Return a problem's answer as an outcome that shares no objects with it."""
    outcome = found if isinstance(found, Outcome) else Outcome(found)
    if outcome.info is None and outcome.genome is None:
        return outcome
    info, genome = independent(outcome.info), independent(outcome.genome)
    return replace(outcome, info=info, genome=genome)


def _check(problem: Problem[Any], chunk: Chunk, count: int) -> None:
    """Raise an error if the number of outcomes is wrong."""
    if count != len(chunk.genomes):
        raise EvollmError(
            f"{type(problem).__name__}.evaluate returned {count} outcomes for {len(chunk.genomes)} "
            "genomes: return one per genome, in order"
        )
