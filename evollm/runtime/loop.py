"""The loop: ``run``, which runs a search to its end, or continues it from its record."""

import logging
import platform
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError, Interrupt
from evollm.executors.base import Executor, Serial
from evollm.functions import as_problem, prepare
from evollm.runtime.budget import Budget, check_money
from evollm.runtime.driver import Callback, OnError, Run
from evollm.runtime.result import Result
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow
from evollm.search.search import Search
from evollm.store import queries
from evollm.store.record import Record
from evollm.types import JSON, Individual, Problem, name_of
from evollm.units import Words

log = logging.getLogger("evollm")

_PACKAGES = ("evollm", "deap", "numpy", "openai", "ray", "scikit-learn", "tenacity")


def run(
    search: Search | Flow,
    problem: Problem[Any] | Callable[[Any], Any],
    *,
    budget: Budget | None = None,
    executor: Executor | None = None,
    path: str | Path | None = None,
    config: Mapping[str, JSON] | None = None,
    callbacks: Sequence[Callback] = (),
    on_error: OnError = "record",
) -> Result[Any]:
    """Run a search until its flow ends, a budget is reached, or Ctrl-C.

    If the run directory has a record, the same call continues that run without repeating recorded
    work.

    Args:
        search: A flow, or a search of several lanes; it must not have been run before.
        problem: What scores genomes, or a plain function from a genome to a number (larger is
            better).
        budget: What ends the run; None for no limit besides the flow's own end.
        executor: Where evaluations run; by default in this thread, one at a time.
        path: The run directory; without one the record is a temporary file that is deleted with the
            result.
        config: Stored at the head of the record, for information.
        callbacks: Each called as ``f(run, individual)`` after an evaluation.
        on_error: Whether the run continues after a failed evaluation ("record") or ends ("raise").

    Returns:
        What was found, and why the run ended.

    Raises:
        EvollmError: If the folder is in use, the record belongs to another search, all evaluations
            fail, a model can't be used, or an evaluation fails with ``on_error="raise"``. All work
            done until then is recorded.
        KeyboardInterrupt: At a second Ctrl-C or SIGTERM, which stops immediately. The first one
            ends the run after the evaluations and calls in progress.
    """
    checked(budget, executor, callbacks, on_error)
    problem = as_problem(problem)
    prepare(problem)
    record = Record(path)
    try:
        executor = executor or Serial()
        under_way = begin(search, problem, executor, record, config, budget, callbacks, on_error)
        finish(under_way, problem)
    except BaseException:
        record.close()
        raise
    if record.path is not None:
        record.close()
    return result(under_way)


def checked(budget: Any, executor: Any, callbacks: Any, on_error: Any) -> None:
    """Check the arguments of ``run`` before anything is spent.

    Raises:
        EvollmError: If one is invalid; the message names it.
    """
    if budget is not None and not isinstance(budget, Budget):
        raise EvollmError(
            f"the budget must be a Budget such as Budget(evaluations={budget!r}), not {budget!r}"
        )
    if executor is not None and not isinstance(executor, Executor):
        raise EvollmError(f"the executor must be an object such as Threads(4), not {executor!r}")
    if callable(callbacks):
        raise EvollmError(f"callbacks must be a list of functions: give [{name_of(callbacks)}]")
    if on_error not in ("record", "raise"):
        raise EvollmError(f"on_error must be 'record' or 'raise', not {on_error!r}")


def begin(
    search: Search | Flow,
    problem: Problem[Any],
    executor: Executor,
    record: Record,
    config: Mapping[str, JSON] | None,
    budget: Budget | None,
    callbacks: Sequence[Callback] = (),
    on_error: OnError = "record",
    words: Words | None = None,
) -> Run:
    """Set up a run: write the record's head, or replay the record."""
    search = search if isinstance(search, Search) else Search(search)
    if search.started:
        raise EvollmError("this search has already been run: make a new one from new flows")
    fresh = _head(record, problem, config, words)
    under_way = Run(
        search,
        problem,
        executor,
        record,
        budget=budget or Budget(),
        callbacks=callbacks,
        on_error=on_error,
        write=words.write if words else None,
    )
    check_money(under_way.budget, under_way.usage, [*search.flows, problem])
    jobs = under_way.replay()
    if not fresh:
        message = f"restored {jobs} jobs and {under_way.usage.evaluations} evaluations"
        log.info("%s from %s", message, record.path)
        record.event("resume", message)
    return under_way


def _head(
    record: Record,
    problem: Problem[Any],
    config: Mapping[str, JSON] | None,
    words: Words | None,
) -> bool:
    """Write the head of a record; return whether the record was empty."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}
    if words is not None:
        record.put("system", type(words).__name__)
        record.put("units", {name: units.as_json() for name, units in words.units.items()})
    known = record.get("versions")
    if known is None:
        record.put("versions", versions)
        record.put("problem", [name_of(problem), describe(problem)])
        record.put("cost_unit", str(getattr(problem, "cost_unit", "")))
        record.put("config", dict(config or {}))
        record.event("start", "a new run")
    elif known.get("evollm") != versions["evollm"]:
        log.warning(
            "recorded by evollm %s, continued by %s", known.get("evollm"), versions["evollm"]
        )
    return known is None


def finish(under_way: Run, problem: Problem[Any]) -> None:
    """Start the workers, and advance the run to its end."""
    whole = False
    try:
        if under_way.finished:  # by its record alone
            under_way.tick()
        else:
            under_way.executor.start(problem)
        with _interruptible(under_way):
            while not under_way.finished:
                under_way.advance()
        whole = True
    finally:
        under_way.close(wait=whole)
    usage = under_way.usage
    if usage.evaluations and usage.failed == usage.evaluations:
        error = queries.last_failure(under_way.record)
        raise EvollmError(f"all {usage.failed} evaluations failed, the last with: {error}")


def result(under_way: Run, finals: Sequence[Individual[Any]] = ()) -> Result[Any]:
    """Return the result of a run."""
    search, record = under_way.search, under_way.record
    if finals:
        queries.count_finals(record, under_way.usage)
    under_way.usage.finals = len(finals)
    return Result(
        search.best,
        search.population,
        under_way.stopped,
        under_way.reasons(),
        under_way.usage,
        record,
        finals,
    )


@contextmanager
def _interruptible(under_way: Run) -> Iterator[None]:
    """Make a first Ctrl-C end the run after the work in progress, and a second immediately."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupted = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal interrupted
        if interrupted:
            restore()
            raise Interrupt
        interrupted = True
        under_way.stop("interrupted")
        log.warning(
            "interrupted: finishing the work in progress (interrupt again to stop immediately)"
        )

    def restore() -> None:
        for (
            number,
            handler,
        ) in before.items():  # None stands for a handler that was not set from Python
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    except Interrupt:
        raise KeyboardInterrupt from None
    finally:
        restore()


@cache
def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
