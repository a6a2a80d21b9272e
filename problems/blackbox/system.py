"""EvoLLM for users: minimise or maximise a function of numbers with a language model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from evollm import AskTell, Budget, Result, run
from evollm.executors.base import Executor
from evollm.llm.base import LanguageModel
from evollm.runtime.driver import Callback
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow
from evollm.types import JSON
from problems.blackbox.ask_tell import PointAskTell
from problems.blackbox.context import Points
from problems.blackbox.framed import Framed
from problems.blackbox.function import Function
from problems.blackbox.report import Found, found
from problems.blackbox.space import Space


class Strategy(Protocol):
    """Settings that know their loop: ``Framed``, ``Paper``, or your own."""

    def flow(self, model: LanguageModel, space: Space, start: Points, seed: int) -> Flow:
        """Return the search over the unit cube of a space."""
        ...


class EvoLLM:
    """Black-box optimisation with a language model as variation operator.

    Args:
        function: From a point to a number or to a pair of number and ``info``; an object whose
            ``evaluate(points)`` takes a batch; or a ``Function``, which brings its space.
        space: Bounds as ``[(low, high), ...]``, an array of shape ``(D, 2)``, SciPy's bounds, a
            ``Space``, or a dict from names to pairs, ``Real``, ``Integer`` and ``Category``.
        model: Who varies; None for what the environment names, or the small offline model.
        maximize: Whether a larger value is better.
        strategy: ``Framed()``, ours, the default, as it works with the offline model; or
            ``Paper()``, the loop of the EvoLLM paper.
        start: A point, or several, to evaluate first.

    Raises:
        EvollmError: If the bounds make no box, or a starting point lies outside of it.
    """

    def __init__(
        self,
        function: Any,
        space: Any = None,
        *,
        model: LanguageModel | None = None,
        maximize: bool = False,
        strategy: Strategy | None = None,
        start: Any = (),
    ) -> None:
        if isinstance(function, Function):
            function = replace(function, maximize=function.maximize or maximize)
        else:
            function = Function(function, Space.of(space), maximize)
        self.problem: Function = function
        self.strategy = strategy or Framed()
        self._model = model
        self._start = starting_points(function.space, start)

    def run(
        self,
        budget: Budget,
        *,
        seed: int = 0,
        executor: Executor | None = None,
        path: str | Path | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Result[Any]:
        """Search within a budget; the same call on a folder that has a record goes on from there.

        Args:
            budget: What ends the run; a ``target`` is a fitness: minus the value to minimise.
            seed: The only source of chance but for the model.
            executor: Where the function is evaluated; by default here, one call after the other.
            path: The run directory; None for a temporary record.
            callbacks: Each called as ``f(run, individual)`` after an evaluation.

        Returns:
            What was found, in places of the unit cube; ``found`` translates.

        Raises:
            EvollmError: If the model can't be used or says nothing usable in three generations, or
                all evaluations fail.
        """
        return run(
            self._flow(seed),
            self.problem,
            budget=budget,
            executor=executor,
            path=path,
            config=self._config(seed),
            callbacks=callbacks,
        )

    def start(
        self, budget: Budget, *, seed: int = 0, path: str | Path | None = None
    ) -> PointAskTell:
        """Return a search for a loop of your own, which asks for points and is told their values.

        Args:
            budget: What ends it.
            seed: The only source of chance but for the model.
            path: The run directory; None for a temporary record.
        """
        search = AskTell(self._flow(seed), budget=budget, path=path, config=self._config(seed))
        return PointAskTell(search, self.problem)

    def found(self, result: Result[Any]) -> Found:
        """Return a result with its best point and value as the function has them; see ``found``."""
        return found(self.problem, result)

    def _flow(self, seed: int) -> Flow:
        if self._model is None:
            from evollm.llm.connect import connect

            self._model = connect()
        return self.strategy.flow(self._model, self.problem.space, self._start, seed)

    def _config(self, seed: int) -> dict[str, JSON]:
        name = type(self.strategy).__name__
        return {"seed": seed, "strategy": name, name: describe(self.strategy)}


def minimize(
    function: Any,
    bounds: Any,
    evaluations: int = 200,
    *,
    seed: int = 0,
    model: LanguageModel | None = None,
    strategy: Strategy | None = None,
    start: Any = (),
    executor: Executor | None = None,
) -> Found:
    """Find a point where a function is small: ``minimize(f, [(-5, 5)] * 2).x``.

    Args:
        function: See ``EvoLLM``.
        bounds: Its ``space``.
        evaluations: How often the function is evaluated.
        seed: The only source of chance but for the model.
        model: See ``EvoLLM``.
        strategy: See ``EvoLLM``.
        start: See ``EvoLLM``.
        executor: Where the function is evaluated.

    Raises:
        EvollmError: See ``EvoLLM`` and its ``run``.
    """
    chosen = {"model": model, "strategy": strategy, "start": start}
    return _search(EvoLLM(function, bounds, **chosen), evaluations, seed, executor)


def maximize(
    function: Any,
    bounds: Any,
    evaluations: int = 200,
    *,
    seed: int = 0,
    model: LanguageModel | None = None,
    strategy: Strategy | None = None,
    start: Any = (),
    executor: Executor | None = None,
) -> Found:
    """Find a point where a function is large; see ``minimize``."""
    chosen = {"model": model, "strategy": strategy, "start": start}
    return _search(EvoLLM(function, bounds, maximize=True, **chosen), evaluations, seed, executor)


def _search(system: EvoLLM, evaluations: int, seed: int, executor: Executor | None) -> Found:
    return system.found(system.run(Budget(evaluations), seed=seed, executor=executor))


def starting_points(space: Space, start: Any) -> Points:
    """Return the places of one point or several.

    Raises:
        EvollmError: If one has the wrong length or names, or lies outside of the box.
    """
    single = isinstance(start, Mapping) or (
        not space.names and len(start) > 0 and np.ndim(start[0]) == 0
    )
    points = [start] if single else list(start)
    return tuple(tuple(map(float, space.encode(point))) for point in points)
