"""Selecting: which programs a prompt shows, which survive, and of what kind they are."""

import ast
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log2
from typing import Any

from numpy.random import Generator

from evollm.algorithms.selection import best
from evollm.errors import EvollmError
from evollm.types import Individual, Select
from operators.programs.prompting import failed
from operators.programs.source import Frame, Unusable, parsed

Pool = Sequence[Individual[Any]]
CELLS = 10
"""Cells of a metric between its bounds."""
_LOOPS = (ast.For, ast.While, ast.AsyncFor, ast.comprehension)


@dataclass(frozen=True, slots=True)
class Shown:
    """Selects the program to change, then those that the prompt shows beside it.

    These are the best one and others at random, and the latest failure if there is one.

    Attributes:
        repair: How often the latest failure is the program to change.
        first: Selects the program to change among those that work.
    """

    repair: float
    first: Select

    def __call__(self, pool: Pool, k: int, rng: Generator) -> list[Individual[Any]]:
        """Return up to ``k`` individuals, the program to change first."""
        working = [one for one in pool if not failed(one)]
        latest = max((one for one in pool if failed(one)), key=lambda one: one.id, default=None)
        if latest is not None and (not working or rng.random() < self.repair):
            return [latest, *best(working, max(0, k - 1), rng)][:k]
        [target] = self.first(working, 1, rng)
        others = [one for one in best(working, len(working), rng) if one is not target]
        beside = others[:1] + [others[i] for i in 1 + rng.permutation(max(0, len(others) - 1))]
        failure = [latest] if latest is not None and k > 1 else []
        return [target, *beside[: k - 1 - len(failure)], *failure]


def best_and_latest_failure(pool: Pool, k: int, rng: Generator) -> list[Individual[Any]]:
    """Return the ``k`` fittest that work, and the latest failure for the next prompts."""
    failures = sorted((one for one in pool if failed(one)), key=lambda one: one.id)
    return best([one for one in pool if not failed(one)], k, rng) + failures[-1:]


def any_that_work(pool: Pool, k: int, rng: Generator) -> list[Individual[Any]]:
    """Return ``k`` individuals at random among those that work; all if there are fewer."""
    working = [one for one in pool if not failed(one)] or list(pool)
    return [working[i] for i in rng.permutation(len(working))[:k]]


def kinds(features: str, frame: Frame) -> Callable[[Individual[Any]], Hashable]:
    """Return the function from a program to its cell of MAP-Elites.

    Args:
        features: Names with commas between them: ``length`` (of the block, in steps of a factor of
            1.4), ``loops`` (their number), or ``METRIC:LOW:HIGH`` for ten cells of a metric.
        frame: The rest of the program.

    Raises:
        EvollmError: If a feature has another form.
    """
    chosen = [_feature(name.strip(), frame) for name in features.split(",")]

    def kind(one: Individual[Any]) -> Hashable:
        return None if failed(one) else tuple(feature(one) for feature in chosen)

    return kind


def _feature(name: str, frame: Frame) -> Callable[[Individual[Any]], Hashable]:
    if name == "length":
        return lambda one: floor(2 * log2(1 + len(one.genome)))
    if name == "loops":
        return lambda one: min(8, _loops(frame, one.genome))
    metric, *bounds = name.split(":")
    try:
        low, high = map(float, bounds)
        if not (metric and low < high and isfinite(high - low)):
            raise ValueError
    except ValueError:
        raise EvollmError(
            f"features must be length, loops or METRIC:LOW:HIGH with commas between them, not "
            f"'{name}'"
        ) from None

    def cell(one: Individual[Any]) -> Hashable:
        value = one.metrics.get(metric)
        if value is None or not isfinite(value):
            return None
        return max(0, min(CELLS - 1, floor(CELLS * (value - low) / (high - low))))

    return cell


def _loops(frame: Frame, block: str) -> int:
    """Return the number of loops: of Python's, or of the words ``for`` and ``while``."""
    if not frame.python:
        words = block.replace("(", " ").split()
        return words.count("for") + words.count("while")
    try:
        tree = parsed(frame.whole(block))
    except Unusable:
        return 0
    return sum(isinstance(node, _LOOPS) for node in ast.walk(tree))
