"""EvoLLM: minimise or maximise a function of numbers with a language model."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from evollm import AskTell, Budget, EvollmError, Result
from evollm.algorithms.rescoring import rescored
from evollm.evaluation.noise import Repeated
from evollm.llm.base import LanguageModel
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow, draw_seed, seeded
from evollm.system import System
from evollm.types import JSON, Individual, Problem
from evollm.units import Units
from problems.blackbox.ask_tell import PointAskTell
from problems.blackbox.context import Points
from problems.blackbox.controls import TITLES, Control
from problems.blackbox.framed import Framed
from problems.blackbox.function import NO_NOISE, Function, Noise
from problems.blackbox.interface.earlier import Earlier, Known, Source
from problems.blackbox.interface.seeds import reseeded
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
        x0: A point, or several, to evaluate first.
        start: An earlier run on the same space, whose best points are evaluated next: its directory
            or result, or an ``Earlier`` with further options.
        constraints: Maps a point to one number per constraint, at most 0 if it is satisfied. A
            point that satisfies all is better than any that does not, and of those that do not the
            one with the least sum of violations is the best; see ``Outcome.merit``.
        noise: How often points are evaluated if the function is noisy; by default once.
        adapter: What the offline model was taught, for ``Framed``: the adapter that comes with the
            package (``"default"``), a GGUF file, a folder that ``evollm tune`` wrote, or
            ``"none"``. ``"auto"`` is the default one for functions of up to ten coordinates, for
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
        x0: Any = (),
        start: Source | Earlier | None = None,
        constraints: Callable[[Any], Any] | None = None,
        noise: Noise = NO_NOISE,
        adapter: str | Path = AUTO,
        units: Units | None = None,
    ) -> None:
        if isinstance(function, Function):
            larger = function.maximize or maximize
            constraints = constraints or function.constraints
            function = replace(function, maximize=larger, constraints=constraints)
        else:
            function = Function(function, Space.of(space), maximize, constraints)
        if not isinstance(noise, Noise):
            raise EvollmError(f"noise must be a Noise such as Noise(repeats=3), not {noise!r}")
        if strategy is not None and (
            isinstance(strategy, type) or not callable(getattr(strategy, "flow", None))
        ):
            raise EvollmError(
                f"strategy must be one such as Framed() or Control('cma'), not {strategy!r:.80}"
            )
        self.function: Function = function
        self.noise = noise
        self.problem: Problem[Any] = (
            Repeated(function, noise.repeats) if noise.repeats > 1 else function
        )
        self.strategy = strategy or Framed()
        self.units = {"fitness": units or Units("value", maximize=function.maximize)}
        self.budget = Budget(evaluations=EVALUATIONS)
        self._model, self._adapter = model, adapter
        self._adapted(model)
        self._start = starting_points(function.space, x0)
        if start is not None:
            self._begin_with(start if isinstance(start, Earlier) else Earlier(start))

    def _adapted(self, model: Any) -> tuple[Any, Any]:
        """Return the strategy, and a model with the adapter.

        Raises:
            EvollmError: If there is no such adapter, or the model can't have it.
        """
        if model is None or not isinstance(self.strategy, Framed):
            adapter_of(self._adapter)
            return self.strategy, model
        return taught(self.strategy, model, self._adapter, len(self.function.space))

    def _begin_with(self, earlier: Earlier) -> None:
        """Add the best points of an earlier run, and their scores if they are to be used.

        Raises:
            EvollmError: If the function is noisy, so that known scores must not be kept.
        """
        points, known = earlier.read(self.function)
        self._start += points
        if earlier.scores and self.noise != NO_NOISE:
            raise EvollmError(
                "the scores of an earlier run can't be used for a noisy function: leave out "
                "scores=True, so that its points are evaluated again"
            )
        if earlier.scores:
            self.problem = Known(self.problem, known)

    @property
    def known(self) -> int:
        """Number of points whose scores are taken from an earlier run."""
        return len(self.problem.known) if isinstance(self.problem, Known) else 0

    def flow(self, seed: int) -> Flow:
        """Return the search over the unit cube of the space."""
        if self._model is None and getattr(self.strategy, "asks", True):
            from evollm.llm.connect import connect

            self._model = connect()
        strategy, model = self._adapted(self._model)
        own = seed
        if isinstance(self.problem, Known):  # the earlier run's seed would draw known points again
            own = draw_seed(seeded(seed, self.problem.digest))
        flow = strategy.flow(model, self.function.space, self._start, own)
        if getattr(self.function.function, "seeded", False):
            flow = reseeded(flow, seed)
        return rescored(flow, elite=self.noise.elite, seed=seed) if self.noise.elite else flow

    def write(self, individual: Individual[Any]) -> str:
        """Return the point in the form that the function takes."""
        return str(self.function.space.decode(individual.genome))

    def controls(self) -> dict[str, "EvoLLM"]:
        """Return random search, hill climbing and CMA-ES on the same function."""
        units = self.units["fitness"]
        return {
            TITLES[method]: EvoLLM(
                self.function, strategy=Control(method), units=units, noise=self.noise
            )
            for method in ("random", "hill", "cma")
        }

    def config(self, seed: int) -> dict[str, JSON]:
        """Return the strategy with its settings."""
        name = type(self.strategy).__name__
        noise = {} if self.noise == NO_NOISE else {"noise": describe(self.noise)}
        return {"seed": seed, "strategy": name, name: describe(self.strategy), **noise}

    def start(
        self, budget: Budget, *, seed: int = 0, path: str | Path | None = None
    ) -> PointAskTell:
        """Return a search for your own loop, which asks for points and tells their values.

        Args:
            budget: What ends the search.
            seed: The only source of randomness except the model.
            path: The run directory; None for a temporary record.
        """
        config = {**self.config(seed), "space": describe(self.function.space)}
        search = AskTell(self.flow(seed), budget=budget, path=path, config=config, words=self)
        return PointAskTell(search, self.function)

    def found(self, result: Result[Any]) -> Found:
        """Return a result with the function's best point and value; see ``found``."""
        return found(self.function, result)


def starting_points(space: Space, x0: Any) -> Points:
    """Return one or several points converted to the unit cube.

    Raises:
        EvollmError: If one has a wrong length or wrong names, or is outside the box.
    """
    if isinstance(x0, str | int | float | np.generic):
        raise EvollmError(f"x0 must be a point of {len(space)} coordinates or several, not {x0!r}")
    single = isinstance(x0, Mapping) or (not space.names and len(x0) > 0 and np.ndim(x0[0]) == 0)
    points = [x0] if single else list(x0)
    return tuple(tuple(map(float, space.encode(point))) for point in points)
