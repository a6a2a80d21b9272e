"""Our loop: the offspring are a model's samples in a frame that follows the search."""

from collections.abc import Callable
from collections.abc import Generator as Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator

from evollm.checks import at_least, shared
from evollm.llm.base import LanguageModel
from evollm.search.flow import Flow, Job, draw_seed, evaluate, vary
from evollm.types import Candidate, Operator
from operators.vectors.framed import FramedSamples, Framing, spread
from operators.vectors.quadratic import points_of
from operators.vectors.variation import Gaussian
from problems.blackbox.context import (
    Points,
    Rows,
    bottom,
    deeper,
    fittest,
    rescored,
    surviving,
    warm_up,
)
from problems.blackbox.report import ModelGuard
from problems.blackbox.space import Space

Bred: TypeAlias = Iterator[Job, Any, list[Candidate[Any]]]


@dataclass(frozen=True, slots=True)
class Framed(Framing):
    """Settings of our loop, the default, which works with the small offline model.

    With a server other than llama.cpp's set ``constrain=False``, and with one that only chats also
    ``mode="chat"``.

    Attributes:
        warmup: Uniform samples before the model is asked.
        memory: Number of best points in the prompt.
        offspring: Points per generation.
        quadratic: Whether one of these points is the minimum of a quadratic function fitted to the
            best points, as soon as there are enough; after a step that is better than all points
            before, the next one is a generation of its own, for which the model is not asked. None
            for a model with an adapter only.
    """

    warmup: int = 10
    memory: int = 10
    offspring: int = 5
    quadratic: bool | None = None

    def __post_init__(self) -> None:
        Framing.__post_init__(self)
        at_least(1, self, "warmup", "memory", "offspring")

    def flow(self, model: LanguageModel, space: Space, start: Points, seed: int) -> Flow:
        """Return the search with this model."""
        grain = space.grain if any(space.grain) else ()
        operator = FramedSamples(model, grain, **shared(self, Framing))
        return evollm_framed(operator, self, len(space), start=start, seed=seed)


def evollm_framed(
    operator: Operator[Any],
    settings: Framed,
    dimension: int,
    *,
    start: Points = (),
    seed: int = 0,
) -> Flow:
    """Search the unit cube by showing the best points to a model and evaluating its samples.

    Args:
        operator: Makes offspring from the best points, which are given in ascending order of
            fitness; if it makes too few, Gaussian steps from the best point with the spread of the
            best five replace them.
        settings: The settings.
        dimension: Of the cube.
        start: Points to evaluate before the first samples.
        seed: The only source of randomness.
    """
    rng, tally = np.random.default_rng(seed), ModelGuard()

    def breed(best: Rows, wanted: int, step: int) -> Bred:
        children = yield from vary(operator, best[::-1], wanted, draw_seed(rng), step)
        tally.count(len(children))
        missing = wanted - len(children)
        stand_in = Gaussian(mean_spread(best))
        children += yield from vary(stand_in, best[:1], missing, draw_seed(rng), step)
        return children

    yield from loop(
        dimension, breed, rng, start=start, warmup=settings.warmup, keep=settings.memory,
        size=settings.offspring, quadratic=bool(settings.quadratic),
    )  # fmt: skip


def loop(
    dimension: int,
    breed: Callable[[Rows, int, int], Bred],
    rng: Generator,
    *,
    start: Points,
    warmup: int,
    keep: int,
    size: int,
    quadratic: bool = False,
) -> Flow:
    """Breed from the best points of all generations, with quadratic steps or without.

    Args:
        dimension: Of the unit cube.
        breed: Asks for children, given the best points, best first, how many, and the step.
        rng: The flow's generator.
        start: Points to evaluate before the warm-up.
        warmup: Uniform samples in step 0.
        keep: Number of best points to breed from.
        size: Points per generation.
        quadratic: As in ``Framed``.
    """
    history = yield from warm_up(dimension, 1, warmup, start, rng)
    scored: Rows = list(chain(*history))
    best: Rows = []
    known: Rows = []
    descends = False
    for step in count(len(history)):
        best = yield from surviving(best + scored, keep, step - 1)
        if quadratic:
            known = fittest(rescored(known + scored, best), points_of(dimension))
        steps = yield from bottom(known, step)
        children: list[Candidate[Any]] = []
        if not (descends and steps):
            children = yield from breed(best, max(size - len(steps), 1), step)
        scored = yield from evaluate(steps + children, step=step)
        descends = deeper(scored[: len(steps)], best)


def mean_spread(best: Rows) -> float:
    """Return the spread of the best five points, as a mean over coordinates."""
    return float(spread(np.array([one.genome for one in best[:5]])).mean())
