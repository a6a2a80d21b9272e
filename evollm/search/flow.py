"""Flows: algorithms as generators that request jobs and receive their answers."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias

import numpy as np

from evollm.errors import EvollmError
from evollm.types import JSON, Candidate, G, Individual, Operator, Parent, name_of


@dataclass(frozen=True, slots=True)
class Vary(Generic[G]):
    """A request to an operator for children; the answer is a list of at most ``n`` candidates.

    Attributes:
        operator: The operator that makes the children.
        parents: The parents as drawn by the flow, which determine the children's lineage.
        n: Number of children.
        seed: The operator's only source of randomness.
        step: The flow's step (in a generational algorithm the generation); the initial population
            is step 0.
    """

    operator: Operator[G]
    parents: Sequence[Parent[G]]
    n: int
    seed: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Evaluate(Generic[G]):
    """A request for scores; the answer is a list of one individual per candidate, in order.

    Attributes:
        candidates: The candidates to score; individuals are scored again, for example at a higher
            fidelity.
        fidelity: The effort to spend on each, in the problem's unit.
        seed: Fixes the data or the noise shared by the whole batch.
        step: The flow's step.
        context: Additional information for the problem as JSON, such as the parent's id, the number
            of survivors or a threshold. It is passed to problems that take the keyword ``context``.
        rung: Meaning of the fidelity as text for reports; it is not passed to the problem.
    """

    candidates: Sequence[Parent[G]]
    fidelity: int | None = None
    seed: int = 0
    step: int = 0
    context: Mapping[str, JSON] | None = None
    rung: str = ""


@dataclass(frozen=True, slots=True)
class Survivors(Generic[G]):
    """Announces the survivors to results, displays and stops; answered immediately.

    The answer is None, or the survivors with other scores, in the same order (see
    ``evollm.algorithms.rescoring``).

    Attributes:
        population: The survivors, in the flow's order.
        step: The completed step.
        best: The algorithm's best individual if it is not the fittest ever scored: in a race on
            fresh data it is the parent that survived last, not the one with the luckiest score.
    """

    population: Sequence[Individual[G]]
    step: int
    best: Individual[G] | None = None


@dataclass(frozen=True, slots=True)
class Reused(Generic[G]):
    """Announces scores that a flow reuses instead of evaluating; answered immediately with None.

    Attributes:
        individuals: The candidates with the reused outcomes.
        sources: For each the id of the candidate whose outcome is reused.
        step: The flow's step.
    """

    individuals: Sequence[Individual[G]]
    sources: Sequence[int]
    step: int


Job: TypeAlias = Vary[Any] | Evaluate[Any]
Notice: TypeAlias = Survivors[Any] | Reused[Any]
Flow: TypeAlias = Generator[Job | Notice | Sequence[Job], Any, Any]
"""Yields one job or a list of jobs; is sent one answer or a list of answers, in order.

A flow depends only on its seed and its answers: it uses no clock, no global random state, and no
input or output. It may run forever until the budget ends it, or end by returning. A string that it
returns is the run's reason to stop.
"""


def vary(
    operator: Operator[G], parents: Sequence[Parent[G]], n: int, seed: int, step: int = 0
) -> Generator[Job, list[Candidate[G]], list[Candidate[G]]]:
    """Ask an operator for children; used in a flow with ``yield from``."""
    return (yield Vary(operator, parents, n, seed, step))


def evaluate(
    candidates: Sequence[Parent[G]],
    fidelity: int | None = None,
    seed: int = 0,
    step: int = 0,
    context: Mapping[str, JSON] | None = None,
    rung: str = "",
) -> Generator[Job, list[Individual[G]], list[Individual[G]]]:
    """Ask for scores; used in a flow with ``yield from``."""
    return (yield Evaluate(candidates, fidelity, seed, step, context, rung))


def initial(
    operator: Operator[G], size: int, rng: np.random.Generator
) -> Generator[Job, list[Candidate[G]], list[Candidate[G]]]:
    """Ask an operator for an initial population, without parents.

    Raises:
        EvollmError: If the operator made no genome.
    """
    made = yield from vary(operator, [], size, draw_seed(rng))
    if not made:
        raise barren(operator, size)
    return made


def barren(operator: Operator[Any], size: int) -> EvollmError:
    """Return the error for an operator that made no initial population."""
    return EvollmError(
        f"{name_of(operator)} made no initial population: it must return at least one genome when "
        f"called without parents for {size} (the run's record counts the rejected ones)"
    )


def together(jobs: Sequence[Job]) -> Generator[Sequence[Job], list[Any], list[Any]]:
    """Ask for several jobs at once; the answers are in the order of the jobs."""
    return (yield jobs) if jobs else []


def survive(
    population: Sequence[Individual[G]], step: int, best: Individual[G] | None = None
) -> Generator[Survivors[G], Any, list[Individual[G]]]:
    """Announce the survivors in a flow, and return them; see ``Survivors``."""
    rescored = yield Survivors(population, step, best)
    return list(population if rescored is None else rescored)


def seeded(*seeds: int) -> np.random.Generator:
    """Return a generator for a flow.

    Args:
        seeds: The flow's seed, and further numbers for its lanes; each at least 0.

    Raises:
        EvollmError: If one is not a whole number of at least 0.
    """
    for seed in seeds:
        if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
            raise EvollmError(f"a seed must be a whole number of at least 0, not {seed!r}")
    return np.random.default_rng(seeds[0] if len(seeds) == 1 else seeds)


def draw_seed(rng: Any) -> int:
    """Draw a job's seed (0 to 2**53 - 1, exact in JSON) from a flow's generator."""
    return int(rng.integers(2**53))
