"""Controls: searches without a model on the same engine and problem, with the same budget."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError
from evollm.evaluation.constraints import comparable
from evollm.llm.base import LanguageModel
from evollm.search.flow import Flow, draw_seed, evaluate, vary
from operators.vectors.variation import Centroid, Gaussian, Given, Uniform
from problems.blackbox.context import (
    Context,
    Points,
    Rows,
    fittest,
    warm_up,
)
from problems.blackbox.framed import Bred, Framed, loop, mean_spread
from problems.blackbox.paper import Paper
from problems.blackbox.space import Space

LARGEST = 1e300


def random_search(
    dimension: int, *, start: Points = (), seed: int = 0, population: int = 5
) -> Flow:
    """Sample the unit cube uniformly; the first points are the same in all searches of a seed.

    Args:
        dimension: Of the cube.
        start: Points to evaluate first.
        seed: The only source of randomness.
        population: Samples per generation.
    """
    rng = np.random.default_rng(seed)
    stream = draw_seed(rng)
    for step in count():
        given = yield from vary(Given(start), [], len(start) if step == 0 else 0, 0, step)
        sampler = Uniform(dimension, step * population)
        children = yield from vary(sampler, [], population, stream, step)
        yield from evaluate(given + children, step=step)


def hill_climbing(
    dimension: int,
    *,
    start: Points = (),
    seed: int = 0,
    warmup: int = 10,
    population: int = 5,
    sigma: float = 0.03,
) -> Flow:
    """Take Gaussian steps of constant size from the best point so far, after a warm-up.

    Args:
        dimension: Of the unit cube.
        start: Points to evaluate before the warm-up.
        seed: The only source of randomness.
        warmup: Uniform samples in step 0, the same in all searches of a seed.
        population: Samples per generation.
        sigma: Standard deviation in widths of the cube.
    """
    rng = np.random.default_rng(seed)

    def breed(best: Rows, wanted: int, step: int) -> Bred:
        return (yield from vary(Gaussian(sigma), best, wanted, draw_seed(rng), step))

    yield from loop(dimension, breed, rng, start=start, warmup=warmup, keep=1, size=population)


def recombination_es(
    dimension: int,
    *,
    start: Points = (),
    seed: int = 0,
    warmup: int = 10,
    population: int = 5,
    parents: int = 4,
    sigma: float | None = None,
    quadratic: bool = False,
) -> Flow:
    """Sample around the mean of the best points: our loop without the model.

    The same control for the paper's loop is ``evollm(Centroid(4), ...)``.

    Args:
        dimension: Of the unit cube.
        start: Points to evaluate before the warm-up.
        seed: The only source of randomness.
        warmup: Uniform samples in step 0, the same in all searches of a seed.
        population: Points per generation.
        parents: Number of best points that are averaged.
        sigma: Standard deviation in widths of the cube; None for 0.6 times the spread of the best
            five points.
        quadratic: As in ``Framed``.
    """
    rng = np.random.default_rng(seed)

    def breed(best: Rows, wanted: int, step: int) -> Bred:
        mean = yield from vary(Centroid(parents), best, 1, draw_seed(rng), step)
        size = 0.6 * mean_spread(best) if sigma is None else sigma
        return (yield from vary(Gaussian(size), mean, wanted, draw_seed(rng), step))

    yield from loop(
        dimension, breed, rng, start=start, warmup=warmup, keep=max(parents, 5),
        size=population, quadratic=quadratic,
    )  # fmt: skip


def constant_answer(
    dimension: int, *, seed: int = 0, population: int = 5, sigma: float = 0.02
) -> Flow:
    """Sample around the middle of the box, which shows whether a benchmark rewards that answer.

    Args:
        dimension: Of the unit cube.
        seed: The only source of randomness.
        population: Samples per generation.
        sigma: Standard deviation in widths of the cube.
    """
    rng = np.random.default_rng(seed)
    middle = yield from vary(Given(((0.5,) * dimension,), "Middle"), [], 1, 0)
    yield from evaluate(middle)
    for step in count(1):
        children = yield from vary(Gaussian(sigma), middle, population, draw_seed(rng), step)
        yield from evaluate(children, step=step)


def cma_es(
    dimension: int,
    *,
    start: Points = (),
    seed: int = 0,
    warmup: int = 10,
    population: int | None = None,
    sigma: float = 0.2,
) -> Flow:
    """Run pycma's CMA-ES from the best warm-up point, and after convergence from random points.

    Args:
        dimension: Dimension of the unit cube, at least 2.
        start: Points to evaluate before the warm-up.
        seed: The only source of randomness; NumPy's global state is neither used nor changed.
        warmup: Uniform samples in step 0, the same in all searches of a seed.
        population: Samples per generation; None for pycma's ``4 + floor(3 ln D)``.
        sigma: Initial standard deviation in widths of the cube.

    Raises:
        EvollmError: If pycma is not installed.
    """
    rng = np.random.default_rng(seed)
    history = yield from warm_up(dimension, 1, warmup, start, rng)
    strategy = cma_strategy(fittest(list(chain(*history)), 1)[0].genome, sigma, population, rng)
    for step in count(len(history)):
        points = strategy.ask()
        sampler = Given(tuple(tuple(map(float, point)) for point in points), "CMA-ES")
        children = yield from vary(sampler, [], len(points), 0, step)
        scored = yield from evaluate(children, step=step)
        strategy.tell(points, [_finite(-value) for value in comparable(scored)])
        if strategy.stop():
            strategy = cma_strategy(rng.random(dimension), sigma, population, rng)


def cma_strategy(
    mean: NDArray[np.float64], sigma: float, population: int | None, rng: np.random.Generator
) -> Any:
    """Return pycma's strategy over the unit cube, without output and drawing only from ``rng``.

    Args:
        mean: Where it begins.
        sigma: Initial standard deviation in widths of the cube.
        population: Samples per generation; None for pycma's ``4 + floor(3 ln D)``.
        rng: The source of randomness.

    Raises:
        EvollmError: If pycma is not installed.
    """
    try:
        import cma
    except ImportError:
        raise EvollmError("CMA-ES needs pycma: pip install cma") from None
    options = {
        "bounds": [0.0, 1.0],
        "seed": np.nan,
        "randn": lambda *shape: rng.standard_normal(shape),
        "verbose": -10,
        "verb_log": 0,
    }
    if population is not None:
        options["popsize"] = population
    return cma.CMAEvolutionStrategy(mean, sigma, options)


def _finite(loss: float) -> float:
    """Return a loss that pycma can rank, with failures last."""
    return min(max(loss, -LARGEST), LARGEST)


MODELS = ("framed", "paper", "taught")
CONTROLS: Mapping[str, Callable[..., Flow]] = {
    "random": random_search,
    "hill": hill_climbing,
    "recombination": recombination_es,
    "cma": cma_es,
}
TITLES = {
    "random": "random search",
    "hill": "hill climbing",
    "recombination": "recombination (no model)",
    "cma": "CMA-ES",
    "paper": "EvoLLM, the paper's way",
    "framed": "EvoLLM, framed samples, untaught",
    "taught": "EvoLLM, framed samples, taught",
}
SHORT = Paper(context=Context(generations=3, members=3))
"""The paper's loop with prompts of nine rows, which are fast with the small offline model."""


@dataclass(frozen=True)
class Control:
    """Settings of a search without a model, in place of ``Framed`` or ``Paper``.

    Attributes:
        method: One of ``CONTROLS``.
        settings: Keywords of that search, if different from the defaults.
    """

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    asks = False

    def __post_init__(self) -> None:
        if self.method not in CONTROLS:
            raise EvollmError(
                f"there is no control '{self.method}'{nearest(self.method, CONTROLS)}"
            )

    def flow(self, model: LanguageModel | None, space: Space, start: Points, seed: int) -> Flow:
        """Return the search over the unit cube of a space; the model is not used."""
        return CONTROLS[self.method](len(space), start=start, seed=seed, **self.settings)


def strategy_of(method: str, settings: Mapping[str, Any] | None = None) -> Framed | Paper | Control:
    """Return a method's settings by its name.

    Args:
        method: One of ``MODELS`` or ``CONTROLS``.
        settings: Fields of ``Framed`` or ``Paper``, or keywords of a control, if different from the
            defaults.
    """
    if method in MODELS:
        return replace(SHORT if method == "paper" else Framed(), **(settings or {}))
    return Control(method, settings or {})
