"""Examples for training from other optimisers: the points so far, and where they go next."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from evollm.checks import at_least, nearest
from evollm.errors import EvollmError
from evollm.tuning.examples import Example
from problems.blackbox.controls import cma_strategy
from problems.blackbox.prior.landscapes import Landscape, draw
from problems.blackbox.prior.teacher import COLUMNS, ROWS, check_shapes, shown
from problems.blackbox.prior.walks import WARMUP, Points, Walk

FROM_RUN = 4
"""Examples of each run, which share their number of columns and rows."""
RUNS = 20
"""The most runs for each example that is wanted."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A run of an optimiser.

    Attributes:
        walk: All points, in the order of evaluation.
        known: Number of points that were known at each step.
        nexts: Where the optimiser went from there, by points that were not known: its mean after
            the next generation, its next iterate or recommendation; shape ``(steps, D)``.
    """

    walk: Walk
    known: tuple[int, ...]
    nexts: Points

    def after(self, step: int) -> Walk:
        """Return the points that were known at a step."""
        count = self.known[step]
        return Walk(self.walk.points[:count], self.walk.values[:count])


class _Log:
    """A landscape that remembers what was asked."""

    def __init__(self, landscape: Landscape, rng: Generator) -> None:
        self.landscape, dimension = landscape, len(landscape.optimum)
        self.points = list(rng.random((WARMUP, dimension)))
        self.values: list[float] = landscape.value(np.array(self.points)).tolist()

    @property
    def best(self) -> Points:
        return np.asarray(self.points[int(np.argmin(self.values))])

    def value(self, point: Points) -> float:
        inside = np.clip(point, 0.0, 1.0)
        self.points.append(inside)
        self.values.append(float(self.landscape.value(inside[None])[0]))
        return self.values[-1]


Steps = Iterator[tuple[int, Points]]
"""After each step of an optimiser the number of points, and its mean or iterate."""


def _cma(log: _Log, size: int, rng: Generator) -> Steps:
    """CMA-ES: the mean, from the best of uniform points."""
    strategy = cma_strategy(log.best, float(rng.choice([0.1, 0.2, 0.3])), None, rng)
    while len(log.points) < size and not strategy.stop():
        points = strategy.ask()
        strategy.tell(points, [log.value(point) for point in points])
        yield len(log.points), np.clip(np.asarray(strategy.mean), 0.0, 1.0)


def _scipy(method: str) -> Callable[[_Log, int, Generator], Steps]:
    """SciPy's local search of a name: the best vertex or point after each iteration."""

    def steps(log: _Log, size: int, rng: Generator) -> Steps:
        from scipy.optimize import minimize  # type: ignore[import-untyped]

        found: list[tuple[int, Points]] = []

        def note(place: Points) -> None:
            inside = np.clip(place, 0.0, 1.0)
            if not found or (found[-1][1] != inside).any():  # or it would teach to repeat a row
                found.append((len(log.points), inside))

        box = [(0.0, 1.0)] * len(log.best)
        limit = {"maxfev": size - len(log.points)}
        minimize(log.value, log.best, method=method, bounds=box, callback=note, options=limit)
        yield from found

    return steps


def _nevergrad(log: _Log, size: int, rng: Generator) -> Steps:
    """Nevergrad's Shiwa: what it would recommend, whenever that changes.

    NGOpt, its successor, does not run with numpy 2.4 or later.
    """
    try:
        import nevergrad
    except ImportError:
        raise EvollmError("Shiwa needs nevergrad: pip install 'evollm[nevergrad]'") from None
    cube = nevergrad.p.Array(init=log.best, lower=0.0, upper=1.0)
    cube.random_state.seed(int(rng.integers(2**31)))
    kind = nevergrad.optimizers.registry["Shiwa"]
    found, last = list[tuple[int, Points]](), log.best
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells how it uses pycma
        optimiser = kind(parametrization=cube, budget=size - len(log.points), num_workers=1)
        while len(log.points) < size:
            candidate = optimiser.ask()
            optimiser.tell(candidate, log.value(candidate.value))
            place = np.clip(optimiser.provide_recommendation().value, 0.0, 1.0)
            if (place != last).any():
                last = place
                found.append((len(log.points), place))
    yield from found


OPTIMISERS: Mapping[str, Callable[[_Log, int, Generator], Steps]] = MappingProxyType(
    {
        "cma": _cma,
        "nelder-mead": _scipy("Nelder-Mead"),
        "powell": _scipy("Powell"),
        "shiwa": _nevergrad,
    }
)
"""Optimisers by name. CMA-ES needs two coordinates."""


def trajectory(name: str, landscape: Landscape, size: int, rng: Generator) -> Trajectory:
    """Run an optimiser on a landscape.

    Args:
        name: One of ``OPTIMISERS``.
        landscape: What it minimises, within the unit cube.
        size: Number of points, with the uniform ones at the start; it may end with less, or a
            generation of CMA-ES later.
        rng: The source of randomness.

    Raises:
        EvollmError: If the optimiser's package is missing.
    """
    log = _Log(landscape, rng)
    known, nexts = [len(log.points)], list[Points]()
    for count, place in OPTIMISERS[name](log, size, rng):
        nexts.append(place)
        known.append(count)
    walk = Walk(np.array(log.points), np.array(log.values))
    shape = (len(nexts), len(landscape.optimum))
    return Trajectory(walk, tuple(known[:-1]), np.array(nexts).reshape(shape))


@dataclass(frozen=True, slots=True)
class TrajectoryTeacher:
    """Teaches where another optimiser goes next, seen from the best points that it knows.

    The functions are those of ``PriorTeacher``; the answer is the optimiser's mean after one more
    generation, its next iterate or recommendation, in the frame of the rows, clipped to the frame.

    Attributes:
        optimisers: Names out of ``OPTIMISERS``, each run as often.
        rows: Numbers of rows to show.
        columns: Numbers of coordinates per prompt.
        dimensions: The largest number of coordinates of a function, at least 2.
        most: The most points of a run; a last generation may go beyond it.
        digits: Of each coordinate.
    """

    optimisers: tuple[str, ...] = ("cma", "cma", "nelder-mead", "powell")
    rows: tuple[int, ...] = ROWS
    columns: tuple[int, ...] = COLUMNS
    dimensions: int = 10
    most: int = 120
    digits: int = 2

    def __post_init__(self) -> None:
        at_least(2, self, "dimensions")
        if isinstance(self.optimisers, str) or not self.optimisers:
            raise EvollmError(f"optimisers must be a tuple of names, not {self.optimisers!r}")
        for name in self.optimisers:
            if name not in OPTIMISERS:
                raise EvollmError(f"there is no optimiser '{name}'{nearest(name, OPTIMISERS)}")
        check_shapes(self.rows, self.columns, self.dimensions, self.digits)
        if self.most < max(2 * max(self.rows), 3 * WARMUP):
            least = max(2 * max(self.rows), 3 * WARMUP)
            raise EvollmError(f"most must be at least {least}, not {self.most}")

    def examples(self, count: int, seed: int) -> list[Example]:
        """Return examples of runs; see ``evollm.tuning.examples.Teacher``.

        Raises:
            EvollmError: If an optimiser's package is missing, or the optimisers hardly make a step.
        """
        rng = np.random.default_rng(seed)
        found: list[Example] = []
        for _ in range(RUNS * count):
            if len(found) >= count:
                break
            found += self._of_run(rng, int(rng.choice(self.columns)), int(rng.choice(self.rows)))
        if len(found) < count:
            raise EvollmError(f"{RUNS * count} runs had only {len(found)} steps: raise most")
        return found[:count]

    def _of_run(self, rng: Generator, columns: int, rows: int) -> list[Example]:
        dimension = max(2, columns)
        if rng.random() < 0.3:
            dimension = int(rng.integers(dimension, self.dimensions + 1))
        name = str(rng.choice(self.optimisers))
        run = trajectory(name, draw(rng, dimension), self.most, rng)
        steps = [step for step, count in enumerate(run.known) if count >= rows]
        chosen = rng.permutation(steps)[:FROM_RUN]
        return [
            shown(run.after(step).best(rows), run.nexts[step], columns, self.digits, rng)
            for step in chosen.tolist()
        ]
