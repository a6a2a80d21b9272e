"""Random tables of numbers and categories with a target that depends on some of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from operators.trees.columns import Columns
from problems.trees.data.samples import Samples
from problems.trees.model.fitness import TreeFitness

Cells = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MadeUpTables:
    """Draws tables that look like small real ones, with the fitness of trees on them.

    Columns are correlated, of any scale, some of whole numbers, some skewed, some flags or
    categories, some with gaps. The target depends on a few of them: linearly, by steps, on their
    distance from a middle, and on pairs of them; with noise.

    Attributes:
        rows: The least and the most rows; each number of digits is as likely.
        columns: The least and the most columns.
        regression: Share of the tables whose target is a number.
    """

    rows: tuple[int, int] = (50, 400)
    columns: tuple[int, int] = (3, 20)
    regression: float = 0.2

    def draw(self, rng: Generator) -> TreeFitness:
        """Return the fitness of trees on a random table."""
        low, high = self.rows
        rows = round(low * (high / low) ** rng.random())
        width = int(rng.integers(*self.columns, endpoint=True))
        hidden = _correlated(rng, rows, width)
        target = _target(rng, hidden)
        made = [_column(rng, hidden[:, i]) for i in range(width)]
        table = np.stack([cells for cells, _ in made], axis=1)
        names = [f"x{i + 1}" for i in range(width)]
        labels = {name: codes for name, (_, codes) in zip(names, made, strict=True) if codes}
        classes: tuple[int, ...] = ()
        if rng.random() < self.regression:
            y = target * 10.0 ** rng.uniform(-1, 3)
        else:
            y, classes = _classes(rng, target)
        described = Columns.of(table, names, y=y, classes=classes, categories=labels)
        objective = "balanced_accuracy" if classes else "mse"
        return TreeFitness(described, Samples.of(table, y), None, (objective,))


def _correlated(rng: Generator, rows: int, width: int) -> Cells:
    """Return columns between -1 and 1, evenly spread, that share some hidden causes."""
    causes = rng.standard_normal((rows, max(1, width // 3)))
    shared = causes @ rng.standard_normal((causes.shape[1], width))
    drawn = rng.uniform(0, 1.5, width) * shared + rng.standard_normal((rows, width))
    return np.asarray(2 * drawn.argsort(axis=0).argsort(axis=0) / max(rows - 1, 1) - 1)


def _column(rng: Generator, hidden: Cells) -> tuple[Cells, tuple[str, ...]]:
    """Return a column's cells, and the labels of its codes if it has categories."""
    kind = rng.random()
    if kind < 0.12:
        return (hidden > rng.uniform(-0.7, 0.7)).astype(np.float64), ()
    if kind < 0.22:
        count = int(rng.integers(2, 6))
        codes = rng.permutation(count)[np.minimum((hidden + 1) / 2 * count, count - 1).astype(int)]
        return codes.astype(np.float64), tuple(f"c{code}" for code in range(count))
    cells = np.exp(1.5 * hidden) if kind < 0.45 else hidden + rng.uniform(0, 3)
    cells = cells * 10.0 ** rng.uniform(-1, 3)
    if rng.random() < 0.5:
        cells = np.round(cells)
    if rng.random() < 0.05:
        cells[rng.random(len(cells)) < 0.1] = np.nan
    return cells, ()


FORMS: tuple[Callable[[Cells, float], Cells], ...] = (
    lambda x, middle: x,
    lambda x, middle: np.sign(x - middle),
    lambda x, middle: np.abs(x - middle),
    lambda x, middle: np.tanh(4 * (x - middle)),
)
"""How a target depends on one column."""


def _target(rng: Generator, hidden: Cells) -> Cells:
    """Return the target's value per row, with noise."""
    rows, width = hidden.shape
    found = np.zeros(rows)
    for _ in range(int(rng.integers(2, 7))):
        shape = FORMS[rng.integers(len(FORMS))]
        part = shape(hidden[:, rng.integers(width)], rng.uniform(-0.6, 0.6))
        if rng.random() < 0.4:
            part = part * (hidden[:, rng.integers(width)] > rng.uniform(-0.6, 0.6))
        found += rng.exponential() * part
    noise = float(found.std() + 1e-9) * rng.uniform(0.1, 1.5)
    return np.asarray(found + noise * rng.standard_normal(rows))


def _classes(rng: Generator, target: Cells) -> tuple[Cells, tuple[int, ...]]:
    """Return the target as classes: two, or in one of six cases three or four."""
    count = 2 if rng.random() < 5 / 6 else int(rng.integers(3, 5))
    borders = np.sort(rng.uniform(0.15, 0.85, count - 1))
    order = target.argsort().argsort() / len(target)
    y = (order[:, None] > borders).sum(axis=1)
    known, codes = np.unique(y, return_inverse=True)
    return rng.permutation(len(known))[codes].astype(np.float64), tuple(range(len(known)))
