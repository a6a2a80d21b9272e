"""``minimize`` and ``maximize``: a search as one call, for users of SciPy and pycma."""

from collections.abc import Callable
from dataclasses import replace
from math import isfinite, nan
from pathlib import Path
from typing import Any

from evollm import Budget, EvollmError, Individual
from evollm.executors.base import Executor
from evollm.llm.base import LanguageModel
from evollm.runtime.driver import Run
from evollm.runtime.loop import result
from evollm.types import number
from problems.blackbox.function import NO_NOISE, Function, Noise
from problems.blackbox.interface.earlier import Earlier, Source
from problems.blackbox.report import Found, found
from problems.blackbox.system import EVALUATIONS, EvoLLM, Strategy
from problems.blackbox.taught.adapters import AUTO


def minimize(
    function: Any,
    bounds: Any,
    evaluations: int | Budget | None = EVALUATIONS,
    *,
    x0: Any = (),
    constraints: Callable[[Any], Any] | None = None,
    noise: Noise = NO_NOISE,
    target: float | None = None,
    seconds: float | None = None,
    callback: Callable[[Found], object] | None = None,
    path: str | Path | None = None,
    start: Source | Earlier | None = None,
    seed: int = 0,
    model: LanguageModel | None = None,
    strategy: Strategy | None = None,
    adapter: str | Path = AUTO,
    executor: Executor | None = None,
) -> Found:
    """Find a point where a function is small: ``minimize(f, [(-5, 5)] * 2).x``.

    Args:
        function: See ``EvoLLM``.
        bounds: The ``space`` of ``EvoLLM``.
        evaluations: Maximum number of calls of the function; None for no limit but the others; or a
            ``Budget``, which counts points.
        x0: See ``EvoLLM``; there is no need for a starting point.
        constraints: See ``EvoLLM``.
        noise: See ``EvoLLM``.
        target: Stop at a value of the function at least as good as this.
        seconds: Stop after this time; the evaluations in progress are finished.
        callback: Called after every evaluation with the result so far. If it returns True or raises
            ``StopIteration``, as in SciPy, the search stops once the evaluations in progress are
            finished.
        path: The run directory, which records the run; the same call continues it from there.
        start: See ``EvoLLM``.
        seed: The only source of randomness except the model.
        model: See ``EvoLLM``.
        strategy: See ``EvoLLM``.
        adapter: See ``EvoLLM``.
        executor: Where the function is evaluated.

    Raises:
        EvollmError: See ``EvoLLM`` and its ``run``.
    """
    system = EvoLLM(
        function,
        bounds,
        x0=x0,
        constraints=constraints,
        noise=noise,
        start=start,
        model=model,
        strategy=strategy,
        adapter=adapter,
    )
    budget = _budget(system, evaluations, target, seconds)
    return _search(system, budget, seed, executor, path, callback)


def maximize(
    function: Any,
    bounds: Any,
    evaluations: int | Budget | None = EVALUATIONS,
    *,
    x0: Any = (),
    constraints: Callable[[Any], Any] | None = None,
    noise: Noise = NO_NOISE,
    target: float | None = None,
    seconds: float | None = None,
    callback: Callable[[Found], object] | None = None,
    path: str | Path | None = None,
    start: Source | Earlier | None = None,
    seed: int = 0,
    model: LanguageModel | None = None,
    strategy: Strategy | None = None,
    adapter: str | Path = AUTO,
    executor: Executor | None = None,
) -> Found:
    """Find a point where a function is large; see ``minimize``."""
    system = EvoLLM(
        function,
        bounds,
        maximize=True,
        x0=x0,
        constraints=constraints,
        noise=noise,
        start=start,
        model=model,
        strategy=strategy,
        adapter=adapter,
    )
    budget = _budget(system, evaluations, target, seconds)
    return _search(system, budget, seed, executor, path, callback)


def _budget(
    system: EvoLLM, evaluations: int | Budget | None, target: float | None, seconds: float | None
) -> Budget:
    """Return the budget of a call."""
    given = evaluations if isinstance(evaluations, Budget) else _calls(system, evaluations)
    if given.target is not None:
        raise EvollmError(
            "a budget's target is a fitness here: give target=... in the function's values"
        )
    if evaluations is None and seconds is None and target is None:
        raise EvollmError("a search needs an end: give evaluations, seconds or a target")
    if target is not None:
        given = replace(given, target=system.units["fitness"].fitness(_finite(target)))
    return given if seconds is None else replace(given, seconds=seconds)


def _calls(system: EvoLLM, evaluations: int | None) -> Budget:
    """Return the budget for a number of calls of the function."""
    limit = Budget(evaluations).evaluations
    if limit is None:
        return Budget()
    points = limit // system.noise.repeats
    if not points:
        raise EvollmError(
            f"{limit} evaluations are too few for a point that takes {system.noise.repeats}: give "
            "more"
        )
    return Budget(points + system.known)


def _finite(target: float) -> float:
    try:
        found = number(target)
    except (TypeError, ValueError):
        found = nan
    if not isfinite(found):
        raise EvollmError(f"target must be a finite number, not {target!r}")
    return found


def _search(
    system: EvoLLM,
    budget: Budget,
    seed: int,
    executor: Executor | None,
    path: str | Path | None,
    callback: Callable[[Found], object] | None,
) -> Found:
    watch = [_Watch(system.function, callback)] if callback else ()
    return system.found(
        system.run(budget, seed=seed, executor=executor, path=path, callbacks=watch)
    )


class _Watch:
    """Calls a user's callback with the result so far."""

    def __init__(self, function: Function, callback: Callable[[Found], object]) -> None:
        if not callable(callback):
            raise EvollmError(f"callback must be a function of a result, not {callback!r:.80}")
        self._function, self._callback = function, callback
        self._stopped = False

    def __call__(self, run: Run, individual: Individual[Any]) -> None:
        if self._stopped or run.best is None or run.best.error is not None:
            return
        try:
            self._stopped = bool(self._callback(found(self._function, result(run))))
        except StopIteration:
            self._stopped = True
        if self._stopped:
            run.stop("the callback stopped the search")
