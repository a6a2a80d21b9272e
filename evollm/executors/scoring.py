"""Scoring: a chunk of genomes evaluated here and now, outcome by outcome."""

import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

from evollm.copies import independent
from evollm.errors import EvollmError, Interrupt, described
from evollm.ledger import Call, Exhausted, Ledger, ledger
from evollm.types import JSON, Outcome, Problem

T = TypeVar("T")
Halted: TypeAlias = Callable[[], bool]
"""Says whether the rest of a chunk is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some places of an ``Evaluate`` job that travel together.

    Attributes:
        job: The job's id.
        places: Which of its candidates these are.
        genomes: One a place.
        fidelity: The job's fidelity.
        seed: The job's seed.
        context: The job's context with the candidates' ``ids``, for problems that take it; None if
            the job has none.
        ledger: Accounts for the models that the evaluations ask; None if nobody does. It stays in
            this process: a pickled chunk comes without it.
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
        outcomes: Of the next places, one each.
        error: Why the rest of the chunk failed: an exception, a worker that died, a time limit.
        seconds: The problem's working time for these outcomes.
        died: Whether the worker went down with it, perhaps through no fault of the genomes.
        last: Whether nothing more comes of the chunk. Places that have no outcome by then were not
            evaluated, if there is no error.
    """

    outcomes: Sequence[Outcome]
    error: str | None = None
    seconds: float = 0.0
    died: bool = False
    last: bool = True


def parts(problem: Problem[Any], chunk: Chunk, halted: Halted) -> Iterator[Scores]:
    """Evaluate a chunk here and now, and yield each outcome as soon as it is known.

    What the problem raises fails what has no outcome yet. It gets copies of the genomes, so that
    the record and the search hold what was given to it.

    Args:
        problem: What scores the genomes.
        chunk: What to score.
        halted: Asked before each outcome whether the rest is not wanted any more.

    Raises:
        EvollmError: If the problem breaks its contract, or raises one itself.
        Exhausted: If the budget has no room for a model's call: what made the call has no outcome.
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
    """Call the user's code with an account, and turn whatever it raises into one line."""
    watched = _Watched(account) if account else None
    token = ledger.set(watched)
    try:
        found: T | _Failure = work()
    except (EvollmError, Interrupt):
        raise
    except BaseException as error:  # only the user's own Ctrl-C may end a run, not a function's
        found = _Failure(described(error))
    finally:
        ledger.reset(token)
    if watched and watched.refusal and not watched.refusal.dispensable:
        raise watched.refusal  # the user's work has caught it, and made something else of it
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
    """Call the problem: a sized answer is whole, any other comes outcome by outcome."""
    genomes = [independent(genome) for genome in chunk.genomes]
    more = {}
    if chunk.context is not None and _takes_context(problem):
        more["context"] = independent(chunk.context)
    found: Iterable[Any] = problem.evaluate(genomes, chunk.fidelity, chunk.seed, **more)
    return [_outcome(one) for one in found] if hasattr(found, "__len__") else iter(found)


def _takes_context(problem: Problem[Any]) -> bool:
    known = inspect.signature(problem.evaluate).parameters.values()
    return any(one.name == "context" or one.kind is one.VAR_KEYWORD for one in known)


def _streamed(
    problem: Problem[Any], chunk: Chunk, coming: Iterator[Any], halted: Halted
) -> Iterator[Scores]:
    """Yield outcomes one by one, and at the end failures for those that are missing."""
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
    """Refuse a wrong number of outcomes."""
    if count != len(chunk.genomes):
        raise EvollmError(
            f"{type(problem).__name__}.evaluate returned {count} outcomes for "
            f"{len(chunk.genomes)} genomes; it must return one each, in order"
        )
