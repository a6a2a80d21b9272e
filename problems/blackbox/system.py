"""EvoLLM: minimise or maximise a function of numbers with a language model."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from evollm import AskTell, Budget, Result
from evollm.executors.base import Executor
from evollm.llm.base import LanguageModel
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow
from evollm.system import System
from evollm.types import JSON, Individual
from evollm.units import Units
from problems.blackbox.ask_tell import PointAskTell
from problems.blackbox.context import Points
from problems.blackbox.controls import TITLES, Control
from problems.blackbox.framed import Framed
from problems.blackbox.function import Function
from problems.blackbox.report import Found, found
from problems.blackbox.space import Space
from problems.blackbox.taught.adapters import AUTO, adapter_of, taught

EVALUATIONS = 200
"""Default number of evaluations."""


class Strategy(Protocol):
    """Settings with the loop that they control: ``Framed``, ``Paper``, ``Control``, or your own.

    An attribute ``asks = False`` declares that it needs no model.
    """

    def flow(self, model: Any, space: Space, start: Points, seed: int) -> Flow:
        """Return the search over the unit cube of a space; ``model`` is a ``LanguageModel``."""
        ...


class EvoLLM(System[Any]):
    """Black-box optimisation with a language model as the variation operator.

    Args:
        function: Maps a point to a number or to a pair of number and ``info``; or an object whose
            ``evaluate(points)`` takes a batch; or a ``Function``, which includes its space.
        space: Bounds as ``[(low, high), ...]``, an array of shape ``(D, 2)``, SciPy's bounds, a
            ``Space``, or a dict from names to pairs, ``Real``, ``Integer`` and ``Category``.
        model: The language model; None for the one named in the environment, or the small offline
            model.
        maximize: Whether a larger value is better.
        strategy: ``Framed()``, our loop and the default, which works with the offline model;
            ``Paper()``, the loop of the EvoLLM paper; or a ``Control`` without a model.
        start: A point, or several, to evaluate first.
        adapter: What the offline model was taught, for ``Framed``: the adapter that comes with the
            package (``"default"``), a GGUF file, a folder that ``evollm tune`` wrote, or
            ``"none"``. ``"auto"`` is the default one for functions of up to five coordinates, for
            which it was measured to help. Other models have none by default; only those in GGUF
            files can have one.
        units: Units of the values; None for plain ones.

    Raises:
        EvollmError: If the bounds are not a box, or a starting point is outside it.
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
        adapter: str | Path = AUTO,
        units: Units | None = None,
    ) -> None:
        if isinstance(function, Function):
            function = replace(function, maximize=function.maximize or maximize)
        else:
            function = Function(function, Space.of(space), maximize)
        self.problem: Function = function
        self.strategy = strategy or Framed()
        self.units = {"fitness": units or Units("value", maximize=function.maximize)}
        self.budget = Budget(evaluations=EVALUATIONS)
        self._model, self._adapter = model, adapter
        adapter_of(adapter)
        self._start = starting_points(function.space, start)

    def flow(self, seed: int) -> Flow:
        """Return the search over the unit cube of the space."""
        if self._model is None and getattr(self.strategy, "asks", True):
            from evollm.llm.connect import connect

            self._model = connect()
        model: Any = self._model
        strategy = self.strategy
        if isinstance(strategy, Framed):
            space = self.problem.space
            strategy, model = taught(strategy, model, self._adapter, len(space))
        return strategy.flow(model, self.problem.space, self._start, seed)

    def write(self, individual: Individual[Any]) -> str:
        """Return the point in the form that the function takes."""
        return str(self.problem.space.decode(individual.genome))

    def controls(self) -> dict[str, "EvoLLM"]:
        """Return random search, hill climbing and CMA-ES on the same function."""
        units = self.units["fitness"]
        return {
            TITLES[method]: EvoLLM(self.problem, strategy=Control(method), units=units)
            for method in ("random", "hill", "cma")
        }

    def config(self, seed: int) -> dict[str, JSON]:
        """Return the strategy with its settings."""
        name = type(self.strategy).__name__
        return {"seed": seed, "strategy": name, name: describe(self.strategy)}

    def start(
        self, budget: Budget, *, seed: int = 0, path: str | Path | None = None
    ) -> PointAskTell:
        """Return a search for your own loop, which asks for points and tells their values.

        Args:
            budget: What ends the search.
            seed: The only source of randomness except the model.
            path: The run directory; None for a temporary record.
        """
        search = AskTell(
            self.flow(seed), budget=budget, path=path, config=self.config(seed), words=self
        )
        return PointAskTell(search, self.problem)

    def found(self, result: Result[Any]) -> Found:
        """Return a result with the function's best point and value; see ``found``."""
        return found(self.problem, result)


def minimize(
    function: Any,
    bounds: Any,
    evaluations: int = EVALUATIONS,
    *,
    seed: int = 0,
    model: LanguageModel | None = None,
    strategy: Strategy | None = None,
    start: Any = (),
    adapter: str | Path = AUTO,
    executor: Executor | None = None,
) -> Found:
    """Find a point where a function is small: ``minimize(f, [(-5, 5)] * 2).x``.

    Args:
        function: See ``EvoLLM``.
        bounds: The ``space`` of ``EvoLLM``.
        evaluations: Number of evaluations.
        seed: The only source of randomness except the model.
        model: See ``EvoLLM``.
        strategy: See ``EvoLLM``.
        start: See ``EvoLLM``.
        adapter: See ``EvoLLM``.
        executor: Where the function is evaluated.

    Raises:
        EvollmError: See ``EvoLLM`` and its ``run``.
    """
    chosen = {"model": model, "strategy": strategy, "start": start, "adapter": adapter}
    return _search(EvoLLM(function, bounds, **chosen), evaluations, seed, executor)


def maximize(
    function: Any,
    bounds: Any,
    evaluations: int = EVALUATIONS,
    *,
    seed: int = 0,
    model: LanguageModel | None = None,
    strategy: Strategy | None = None,
    start: Any = (),
    adapter: str | Path = AUTO,
    executor: Executor | None = None,
) -> Found:
    """Find a point where a function is large; see ``minimize``."""
    chosen = {"model": model, "strategy": strategy, "start": start, "adapter": adapter}
    return _search(EvoLLM(function, bounds, maximize=True, **chosen), evaluations, seed, executor)


def _search(system: EvoLLM, evaluations: int, seed: int, executor: Executor | None) -> Found:
    return system.found(system.run(Budget(evaluations), seed=seed, executor=executor))


def starting_points(space: Space, start: Any) -> Points:
    """Return one or several points converted to the unit cube.

    Raises:
        EvollmError: If one has a wrong length or wrong names, or is outside the box.
    """
    single = isinstance(start, Mapping) or (
        not space.names and len(start) > 0 and np.ndim(start[0]) == 0
    )
    points = [start] if single else list(start)
    return tuple(tuple(map(float, space.encode(point))) for point in points)
