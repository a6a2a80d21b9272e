"""Our loop: a model's samples in a frame that follows the search are the offspring."""

from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import numpy as np

from evollm.checks import at_least
from evollm.llm.base import LanguageModel, Mode
from evollm.search.flow import Flow, draw_seed, evaluate, survive, vary
from evollm.types import Operator
from operators.vectors.framed import FramedSamples, spread
from operators.vectors.variation import Gaussian
from problems.blackbox.context import Points, Rows, fittest, warm_up
from problems.blackbox.report import ModelGuard
from problems.blackbox.space import Space


@dataclass(frozen=True, slots=True)
class Framed:
    """Settings of our loop, the default: it works with the small offline model.

    Attributes:
        warmup: Uniform samples before the model is asked.
        memory: How many of the best points it is shown.
        offspring: Points per generation.
        block: How many coordinates a prompt shows.
        shuffle: Whether coordinates are dealt to blocks anew each generation.
        digits: Digits a coordinate.
        fixed: Whether the frame stays the whole box: the paper's frame with our use of samples.
        constrain: Whether a grammar holds answers to digits. llama.cpp's server can; with others
            set it to False, and with those that only chat the mode too.
        mode: Plain continuation, or chat.
        jitter: Standard deviation of the noise on a sample, in spreads of the best five points.
    """

    warmup: int = 10
    memory: int = 10
    offspring: int = 5
    block: int = 2
    shuffle: bool = False
    digits: int = 2
    fixed: bool = False
    constrain: bool = True
    mode: Mode = "plain"
    jitter: float = 0.05

    def __post_init__(self) -> None:
        at_least(1, self, "warmup", "memory", "offspring", "block", "digits")
        at_least(0, self, "jitter")

    def flow(self, model: LanguageModel, space: Space, start: Points, seed: int) -> Flow:
        """Return the search with this model."""
        operator = FramedSamples(
            model,
            space.grain if any(space.grain) else (),
            block=self.block,
            shuffle=self.shuffle,
            digits=self.digits,
            fixed=self.fixed,
            constrain=self.constrain,
            mode=self.mode,
            jitter=self.jitter,
        )
        return evollm_framed(operator, self, len(space), start=start, seed=seed)


def evollm_framed(
    operator: Operator[Any],
    settings: Framed,
    dimension: int,
    *,
    start: Points = (),
    seed: int = 0,
) -> Flow:
    """Search the unit cube: the model's samples are evaluated, and it is shown the best points.

    Args:
        operator: Who makes offspring of the best points, given the least fit first; where it falls
            short, Gaussian steps of the best five points' spread from the best point stand in.
        settings: How many of what.
        dimension: Of the cube.
        start: Points to evaluate ahead of the first samples.
        seed: The only source of chance.
    """
    rng, tally = np.random.default_rng(seed), ModelGuard()
    history = yield from warm_up(dimension, 1, settings.warmup, start, rng)
    scored = list(chain(*history))
    best: Rows = []
    for step in count(len(history)):
        best = yield from survive(fittest(best + scored, settings.memory), step - 1)
        children = yield from vary(operator, best[::-1], settings.offspring, draw_seed(rng), step)
        missing = settings.offspring - len(children)
        tally.count(len(children))
        stand_in = Gaussian(float(spread(np.array([one.genome for one in best[:5]])).mean()))
        children += yield from vary(stand_in, best[:1], missing, draw_seed(rng), step)
        scored = yield from evaluate(children, step=step)
