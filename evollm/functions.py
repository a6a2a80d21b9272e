"""Lifting: plain functions as problems and operators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm.errors import EvollmError, described
from evollm.types import Offspring, Operator, Outcome, Parent, Problem


@dataclass(frozen=True)
class Fitness:
    """A plain function as a problem; made by ``as_problem``, or as a decorator.

    Args:
        function: From a genome to a fitness (larger is better), to an ``Outcome``, or to a pair of
            fitness and ``info``. An exception fails that one evaluation.
    """

    function: Callable[[Any], Any]
    elementwise = True

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, genome: Any) -> Any:
        """Call the function."""
        return self.function(genome)

    def evaluate(self, genomes: Sequence[Any], fidelity: int | None, seed: int) -> list[Outcome]:
        """Score the genomes one by one."""
        return [self._score(genome) for genome in genomes]

    def _score(self, genome: Any) -> Outcome:
        try:
            found = self.function(genome)
            if isinstance(found, Outcome):
                return found
            value, info = found if isinstance(found, tuple) else (found, None)
        except EvollmError:
            raise
        except Exception as error:
            return Outcome(-np.inf, error=described(error))
        try:
            return Outcome(value, info=info)
        except (TypeError, ValueError):
            return Outcome(-np.inf, error=f"the function returned {value!r:.60}, not a number")


def as_problem(problem: Problem[Any] | Callable[[Any], Any]) -> Problem[Any]:
    """Return a problem as it is, and a plain function as a problem.

    Raises:
        EvollmError: If it is neither.
    """
    if isinstance(problem, Problem):
        return problem
    if callable(problem):
        return Fitness(problem)
    raise EvollmError(
        f"{problem!r} is no problem: give a function of a genome, or an object with evaluate(...)"
    )


@dataclass(frozen=True)
class Variation:
    """A plain function as an operator; made by ``operator``.

    Args:
        function: From the parents' genomes and a random generator to one child's genome.
    """

    function: Callable[[list[Any], np.random.Generator], Any]

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Call the function once a child."""
        rng = np.random.default_rng(seed)
        return Offspring(
            [self.function([parent.genome for parent in parents], rng) for _ in range(n)]
        )


def operator(function: Callable[[list[Any], np.random.Generator], Any]) -> Operator[Any]:
    """Turn ``child(parents, rng) -> genome`` into an operator; use it as a decorator."""
    return Variation(function)
