"""Flows: algorithms as generators that ask for jobs and never do any themselves."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias

import numpy as np

from evollm.errors import EvollmError
from evollm.types import JSON, Candidate, G, Individual, Operator, Parent, name_of


@dataclass(frozen=True, slots=True)
class Vary(Generic[G]):
    """Ask an operator for children; answered with at most ``n`` candidates.

    Attributes:
        operator: What makes the children.
        parents: What they are made from, as the flow drew them; hence the children's lineage.
        n: How many are wanted.
        seed: The operator's only source of randomness.
        step: The flow's step, in a generational loop the generation; the initial population is step
            0.
    """

    operator: Operator[G]
    parents: Sequence[Parent[G]]
    n: int
    seed: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Evaluate(Generic[G]):
    """Ask for scores; answered with one individual per candidate, in order.

    Attributes:
        candidates: What to score; individuals are scored again, for example at a larger fidelity.
        fidelity: How much effort to spend on each, in the problem's own unit.
        seed: Fixes the data or the noise that the whole batch shares.
        step: The flow's step.
        context: What the problem may know about the job beside the genomes, as JSON: the parent's
            id, how many go on, a bar. It reaches problems that take the keyword ``context``.
        rung: What the fidelity means, in words for reports; the problem does not get it.
    """

    candidates: Sequence[Parent[G]]
    fidelity: int | None = None
    seed: int = 0
    step: int = 0
    context: Mapping[str, JSON] | None = None
    rung: str = ""


@dataclass(frozen=True, slots=True)
class Survivors(Generic[G]):
    """Announce who survives; answered at once with None, so that results, displays and stops know.

    Attributes:
        population: The survivors, in the flow's order.
        step: The step that they survived.
        best: The algorithm's best, where that is not the fittest ever scored: in a race on fresh
            data the parent that survived last, not the luckiest score.
    """

    population: Sequence[Individual[G]]
    step: int
    best: Individual[G] | None = None


@dataclass(frozen=True, slots=True)
class Reused(Generic[G]):
    """Announce which scores a flow reuses instead of evaluations; answered at once with None.

    Attributes:
        individuals: The candidates, with the outcomes that they take over.
        sources: For each the id of the candidate that was evaluated.
        step: The flow's step.
    """

    individuals: Sequence[Individual[G]]
    sources: Sequence[int]
    step: int


Job: TypeAlias = Vary[Any] | Evaluate[Any]
Notice: TypeAlias = Survivors[Any] | Reused[Any]
Flow: TypeAlias = Generator[Job | Notice | Sequence[Job], Any, Any]
"""Yields one job or several that go out together; is sent one answer or a list of them, in order.

A flow is pure given its seed and its answers: no clock, no global random state, no input or output.
It may run forever and leave the end to the budget, or end by returning. A sentence that it
returns is the run's reason to stop.
"""


def vary(
    operator: Operator[G], parents: Sequence[Parent[G]], n: int, seed: int, step: int = 0
) -> Generator[Job, list[Candidate[G]], list[Candidate[G]]]:
    """Ask an operator for children, from within a flow by ``yield from``."""
    return (yield Vary(operator, parents, n, seed, step))


def evaluate(
    candidates: Sequence[Parent[G]],
    fidelity: int | None = None,
    seed: int = 0,
    step: int = 0,
    context: Mapping[str, JSON] | None = None,
    rung: str = "",
) -> Generator[Job, list[Individual[G]], list[Individual[G]]]:
    """Ask for scores, from within a flow by ``yield from``."""
    return (yield Evaluate(candidates, fidelity, seed, step, context, rung))


def initial(
    operator: Operator[G], size: int, rng: np.random.Generator
) -> Generator[Job, list[Candidate[G]], list[Candidate[G]]]:
    """Ask an operator for an initial population, from no parents.

    Raises:
        EvollmError: If it made nothing.
    """
    made = yield from vary(operator, [], size, draw_seed(rng))
    if not made:
        raise barren(operator, size)
    return made


def barren(operator: Operator[Any], size: int) -> EvollmError:
    """Return the error of an operator that makes no initial population."""
    return EvollmError(
        f"{name_of(operator)} made no initial population: called without parents for {size} "
        "genomes, it must return at least one (the run's record counts what was rejected)"
    )


def together(jobs: Sequence[Job]) -> Generator[Sequence[Job], list[Any], list[Any]]:
    """Ask for several jobs at once; the answers come in the order of the jobs."""
    return (yield jobs) if jobs else []


def survive(
    population: Sequence[Individual[G]], step: int, best: Individual[G] | None = None
) -> Generator[Survivors[G], None, list[Individual[G]]]:
    """Announce from within a flow who survives, and return them; see ``Survivors``."""
    yield Survivors(population, step, best)
    return list(population)


def seeded(*seeds: int) -> np.random.Generator:
    """Return a generator for a flow.

    Args:
        seeds: At least 0: the flow's own, and what tells its lanes apart.

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
