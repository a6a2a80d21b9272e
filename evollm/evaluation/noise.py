"""Noise: a noisy problem that is evaluated several times, and the mean of several outcomes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from statistics import fmean, stdev
from typing import Any

import numpy as np

from evollm.checks import positive
from evollm.copies import independent
from evollm.evaluation.wrapped import Wrapped
from evollm.functions import takes_context
from evollm.types import JSON, VIOLATION, Outcome

STANDARD_ERROR = "standard_error"
"""The metric with the standard error of a mean fitness."""


@dataclass(frozen=True)
class Repeated(Wrapped):
    """A problem whose evaluations are the mean of several ones, each with its own seed.

    The cost of an evaluation is the sum of the repetitions' costs, so ``Budget(cost=...)`` limits
    how often the problem is evaluated; ``Budget(evaluations=...)`` limits the genomes. The seeds of
    the repetitions depend on the job's seed alone, so that the genomes of a batch share them; a
    plain function does not see them and is called once per repetition. For the mean see
    ``mean_outcome``.

    Attributes:
        problem: The noisy problem, or a plain function.
        n: Number of repetitions.

    Raises:
        EvollmError: If ``n`` is not a whole number of at least 1, or this is not a problem.
    """

    n: int = 1

    def __post_init__(self) -> None:
        Wrapped.__post_init__(self)
        positive(n=self.n)

    def evaluate(
        self,
        genomes: Sequence[Any],
        fidelity: int | None,
        seed: int,
        context: Mapping[str, JSON] | None = None,
    ) -> Iterator[Outcome]:
        """Yield the mean outcome of each genome."""
        problem: Any = self.problem
        more = {} if context is None or not takes_context(problem) else {"context": context}
        seeds = np.random.SeedSequence(seed).generate_state(self.n, np.uint64) >> np.uint64(11)
        runs = [
            problem.evaluate([independent(one) for one in genomes], fidelity, int(own), **more)
            for own in seeds
        ]
        for outcomes in zip(*runs, strict=False):  # the engine checks their number
            yield mean_outcome(
                [one if isinstance(one, Outcome) else Outcome(one) for one in outcomes]
            )


def mean_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the mean of several outcomes of one genome.

    Fitness and metrics are means, ``standard_error`` is that of the mean fitness, and the cost is
    the sum. A ``violation`` is averaged with 0 for feasible outcomes, so that a solution is
    feasible only if all outcomes are. If one of them failed, so does the mean; if one was cut
    short, the mean is a bound. ``info`` and a repaired genome are those of the first outcome.

    Args:
        outcomes: At least one.
    """
    first, n = outcomes[0], len(outcomes)
    cost = sum(one.cost for one in outcomes)
    if error := next((one.error for one in outcomes if one.error is not None), None):
        return Outcome(-inf, error=error, cost=cost)
    known = [{name for name, x in one.metrics.items() if isinstance(x, float)} for one in outcomes]
    names = [name for name in first.metrics if all(name in one for one in known)]
    metrics = {name: fmean(one.metrics[name] for one in outcomes) for name in names}
    if any(VIOLATION in one.metrics for one in outcomes):
        metrics[VIOLATION] = fmean(one.violation for one in outcomes)
    fitness = [one.fitness for one in outcomes]
    if n > 1 and all(abs(one) < inf for one in fitness):
        metrics[STANDARD_ERROR] = stdev(fitness) / sqrt(n)
    bound = any(one.bound for one in outcomes)
    return replace(first, fitness=fmean(fitness), metrics=metrics, cost=cost, bound=bound)
