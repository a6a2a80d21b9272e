"""Plain functions as problems and operators."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm.copies import independent
from evollm.errors import EvollmError, Interrupt, described
from evollm.types import Offspring, Operator, Outcome, Parent, Problem


@dataclass(frozen=True)
class Fitness:
    """A plain function as a problem; made by ``as_problem``, or as a decorator.

    Args:
        function: Maps a genome to a fitness (larger is better), an ``Outcome``, or a pair of
            fitness and ``info``. It gets a copy of the genome; to repair it, return
            ``Outcome(fitness, genome=repaired)``. An exception fails that evaluation only.
    """

    function: Callable[[Any], Any]
    elementwise = True

    @property
    def asks_model(self) -> bool | tuple[str, ...]:
        """Whether the function asks a model: its attribute of the same name, see ``Problem``."""
        asks: bool | tuple[str, ...] = getattr(self.function, "asks_model", False)
        return asks

    @property
    def cost_unit(self) -> str:
        """The unit of the outcomes' costs: the function's attribute of the same name."""
        return str(getattr(self.function, "cost_unit", ""))

    def prepare(self) -> None:
        """Call the function's method ``prepare()``, if it has one."""
        prepare(self.function)

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, genome: Any) -> Any:
        """Call the function."""
        return self.function(genome)

    def evaluate(
        self, genomes: Sequence[Any], fidelity: int | None, seed: int
    ) -> Iterator[Outcome]:
        """Score the genomes one by one, and yield each outcome immediately."""
        return map(self._score, genomes)

    def _score(self, genome: Any) -> Outcome:
        try:
            found = self.function(genome)
        except (EvollmError, Interrupt):
            raise
        except (
            BaseException
        ) as error:  # SystemExit or KeyboardInterrupt raised by the function is a failure too
            return Outcome(-np.inf, error=described(error))
        if isinstance(found, Outcome):
            return found
        try:
            value, info = found if isinstance(found, tuple) else (found, None)
            return Outcome(value, info=info)
        except Exception:
            return Outcome(-np.inf, error=f"the function must return a number, not {found!r:.60}")


def prepare(problem: object) -> None:
    """Call a problem's method ``prepare()``, if it has one."""
    if (method := getattr(problem, "prepare", None)) is not None:
        method()


def takes_context(problem: Problem[Any]) -> bool:
    """Return whether a problem's ``evaluate`` takes the keyword ``context``."""
    known = inspect.signature(problem.evaluate).parameters.values()
    return any(one.name == "context" or one.kind is one.VAR_KEYWORD for one in known)


def as_problem(problem: Problem[Any] | Callable[[Any], Any]) -> Problem[Any]:
    """Return a problem unchanged, or a plain function as a problem.

    Raises:
        EvollmError: If it is neither.
    """
    if isinstance(problem, Problem):
        return problem
    if callable(problem):
        return Fitness(problem)
    raise EvollmError(
        f"{problem!r} is not a problem: give a function of a genome, or an object with "
        "evaluate(...)"
    )


@dataclass(frozen=True)
class Variation:
    """A plain function as an operator; made by ``operator``.

    Args:
        function: Maps copies of the parents' genomes and a random generator to a child's genome.
    """

    function: Callable[[list[Any], np.random.Generator], Any]

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Call the function once per child."""
        rng = np.random.default_rng(seed)
        return Offspring([self._child(parents, rng) for _ in range(n)])

    def _child(self, parents: Sequence[Parent[Any]], rng: np.random.Generator) -> Any:
        """Make one child that shares no objects with its parents or the function."""
        return independent(self.function([independent(one.genome) for one in parents], rng))


def operator(function: Callable[[list[Any], np.random.Generator], Any]) -> Operator[Any]:
    """Turn ``child(parents, rng) -> genome`` into an operator; use it as a decorator."""
    return Variation(function)
