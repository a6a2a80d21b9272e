"""Examples for training: rows of a simulated search in a frame, and the optimum as the answer."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evollm.checks import at_least
from evollm.errors import EvollmError
from evollm.tuning.examples import Example
from operators.vectors.framed import Frame
from problems.blackbox.prior.landscapes import draw
from problems.blackbox.prior.walks import walk

TOGETHER = 8
"""Examples that share their number of columns and rows, so that a batch has few lengths."""


@dataclass(frozen=True, slots=True)
class PriorTeacher:
    """Teaches where the optimum of a function is, seen from the best points of a search.

    The answer is the optimum's place in the frame of the rows, clipped to the frame. A model that
    has learned it answers with samples of the optimum's distribution given the rows.

    Attributes:
        rows: Numbers of rows to show.
        columns: Numbers of coordinates per prompt.
        dimensions: The largest number of coordinates of a function.
        most: The most points of a search.
        digits: Of each coordinate.
    """

    rows: tuple[int, ...] = (10, 16)
    columns: tuple[int, ...] = (1, 2, 2, 3, 5)
    dimensions: int = 10
    most: int = 120
    digits: int = 2

    def __post_init__(self) -> None:
        at_least(1, self, "dimensions", "digits")
        if max(self.columns) > self.dimensions:
            raise EvollmError(
                f"dimensions must be at least {max(self.columns)}, the largest number of columns, "
                f"not {self.dimensions}"
            )
        if max(self.rows) > self.most:
            raise EvollmError(f"most must be at least {max(self.rows)}, not {self.most}")

    def examples(self, count: int, seed: int) -> list[Example]:
        """Return examples of made-up searches; see ``evollm.tuning.examples.Teacher``."""
        rng = np.random.default_rng(seed)
        found: list[Example] = []
        while len(found) < count:
            columns, rows = int(rng.choice(self.columns)), int(rng.choice(self.rows))
            found += [self._example(rng, columns, rows) for _ in range(TOGETHER)]
        return found[:count]

    def _example(self, rng: Generator, columns: int, rows: int) -> Example:
        dimension = columns
        if rng.random() < 0.3:
            dimension = int(rng.integers(columns, self.dimensions + 1))
        landscape = draw(rng, dimension)
        size = int(rows * (self.most / rows) ** rng.random())
        points = walk(landscape, size, rng).best(rows)
        block = np.sort(rng.choice(dimension, columns, replace=False))
        frame = Frame.around(points, digits=self.digits)
        answer = frame.write(landscape.optimum[None], block)
        return Example(frame.write(points, block), answer)
