"""The paper's loop: a model recombines, a Gaussian mutates, EvoLLM-style.

Lange, Tian, Tang: Large Language Models As Evolution Strategies, 2024,
https://arxiv.org/abs/2402.18381.
"""

from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any, Literal, TypeAlias

import numpy as np

from evollm.checks import at_least, shared
from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel
from evollm.search.flow import Flow, draw_seed, evaluate, vary
from evollm.types import Individual, Operator, Parent, name_of
from operators.vectors.recombination import Recombination, Recombining
from operators.vectors.variation import Gaussian
from problems.blackbox.context import Context, Points, Rows, check_order, fittest, select, warm_up
from problems.blackbox.report import ModelGuard
from problems.blackbox.space import Space


@dataclass(frozen=True, slots=True)
class Decay:
    """A step size that is constant or shrinks by a factor per generation, down to two bins.

    Attributes:
        first: Standard deviation in the first generation after the warm-up, in widths of the cube.
        rate: The factor; 1 for a constant size.
    """

    first: float = 0.02
    rate: float = 1.0

    def __post_init__(self) -> None:
        at_least(0, self, "first", "rate")

    def at(self, generation: int, improved: bool, resolution: int) -> float:
        """Return the step size of a generation, counted from 0 after the warm-up."""
        if self.rate == 1.0:
            return self.first
        return max(self.first * self.rate**generation, 2 / resolution)


@dataclass(frozen=True, slots=True)
class TwoLevel:
    """A small step after a generation that found a new best, otherwise a large one.

    Attributes:
        improved: The small step, in widths of the cube; the rule is that of LLM-Evo-Merge.
        stalled: The large step.
    """

    improved: float = 0.05
    stalled: float = 0.2

    def __post_init__(self) -> None:
        at_least(0, self, "improved", "stalled")

    def at(self, generation: int, improved: bool, resolution: int) -> float:
        """Return the step size, which depends on whether the last generation found a new best."""
        return self.improved if improved else self.stalled


StepSize: TypeAlias = Decay | TwoLevel


@dataclass(frozen=True, slots=True)
class Paper(Recombining):
    """Settings of the paper's loop; the numbers are ours, as the paper's were not available.

    Attributes:
        population: Samples per generation.
        warmup: Generations of uniform samples before the model is asked.
        context: Which rows a prompt contains.
        step: Standard deviation of the samples around the mean.
        fallback: What replaces a block without a usable answer: the ``best`` point so far, the old
            ``mean``, or the best of the ``last`` generation.
        evaluate_mean: Whether the mean itself is an additional member of each generation.
        snap: Whether points are rounded to the integers shown to the model.
    """

    population: int = 5
    warmup: int = 4
    context: Context = field(default_factory=Context)
    step: StepSize = field(default_factory=Decay)
    fallback: Literal["best", "mean", "last"] = "best"
    evaluate_mean: bool = False
    snap: bool = False

    def __post_init__(self) -> None:
        Recombining.__post_init__(self)
        at_least(1, self, "population", "warmup")
        check_order(self.form, self.context)

    def flow(self, model: LanguageModel, space: Space, start: Points, seed: int) -> Flow:
        """Return the search with this model."""
        operator = Recombination(model, **shared(self, Recombining))
        return evollm(operator, self, len(space), start=start, seed=seed)


def evollm(
    operator: Operator[Any],
    settings: Paper,
    dimension: int,
    *,
    start: Points = (),
    seed: int = 0,
) -> Flow:
    """Search the unit cube with Gaussian samples around a mean given by the operator.

    Args:
        operator: ``Recombination``, or ``Centroid`` for the control without a model. Its parents
            are the old mean, the replacement for unusable answers, and the rows to show, in
            ascending order of fitness.
        settings: All other settings.
        dimension: Of the cube.
        start: Points to evaluate before the first samples.
        seed: The only source of randomness.
    """
    rng, tally = np.random.default_rng(seed), ModelGuard()
    resolution = settings.form.resolution
    history = yield from warm_up(dimension, settings.warmup, settings.population, start, rng)
    mean: Parent[Any] = _best(history)
    for step in count(first := len(history)):
        sections = select(history, settings.context, resolution, rng)
        parents = [mean, _stand_in(settings, history, mean), *chain(*sections)]
        means = yield from vary(_told(operator, sections), parents, 1, draw_seed(rng), step)
        if not means:
            raise EvollmError(f"{name_of(operator)} made no mean: it must return one genome")
        mean = means[0]
        tally.count(_usable(mean))
        sigma = settings.step.at(step - first, _improved(history), resolution)
        sample = Gaussian(sigma, resolution if settings.snap else 0)
        children = yield from vary(sample, [mean], settings.population, draw_seed(rng), step)
        members = [mean, *children] if settings.evaluate_mean else children
        history.append((yield from evaluate(members, step=step)))


def _best(history: list[Rows]) -> Individual[Any]:
    return fittest([one for rows in history for one in rows], 1)[0]


def _improved(history: list[Rows]) -> bool:
    """Return whether the last generation found a new best."""
    best = _best(history)
    return any(one is best for one in history[-1])


def _stand_in(settings: Paper, history: list[Rows], mean: Parent[Any]) -> Parent[Any]:
    if settings.fallback == "mean":
        return mean
    best = fittest(history[-1], 1) if settings.fallback == "last" else []
    return best[0] if best else _best(history)


def _told(operator: Operator[Any], sections: list[Rows]) -> Operator[Any]:
    """Set the sections of a recombination's rows."""
    if not isinstance(operator, Recombination):
        return operator
    return replace(operator, sections=tuple(len(rows) for rows in sections))


def _usable(mean: Parent[Any]) -> int:
    """Return the number of blocks for which the model's answer was used; 1 without a model."""
    return int(mean.note["blocks"] - mean.note["fallbacks"]) if mean.note else 1
