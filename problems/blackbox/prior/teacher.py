"""Examples for training: rows of a simulated search in a frame, and the optimum as the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evollm.checks import at_least
from evollm.errors import EvollmError
from evollm.tuning.examples import Example
from operators.vectors.framed import Frame
from problems.blackbox.prior.landscapes import draw
from problems.blackbox.prior.walks import Points, walk

ROWS, COLUMNS = (10, 15, 20, 25), (1, 2, 2, 3, 4, 5, 5, 5, 10)
"""Numbers of rows and coordinates that a model is taught by default, each as often as it stands."""
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

    rows: tuple[int, ...] = ROWS
    columns: tuple[int, ...] = COLUMNS
    dimensions: int = 10
    most: int = 120
    digits: int = 2

    def __post_init__(self) -> None:
        at_least(1, self, "dimensions")
        check_shapes(self.rows, self.columns, self.dimensions, self.digits)
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
        return shown(points, landscape.optimum, columns, self.digits, rng)


def shown(points: Points, place: Points, columns: int, digits: int, rng: Generator) -> Example:
    """Return points as the prompt and a place as the answer, in some of their coordinates.

    Args:
        points: Those of the prompt, the least fit first, shape ``(rows, D)``.
        place: Shape ``(D,)``; it is clipped to the frame around the points.
        columns: How many coordinates, drawn at random.
        digits: Of each coordinate.
        rng: The source of randomness.
    """
    block = np.sort(rng.choice(len(place), columns, replace=False))
    frame = Frame.around(points, digits=digits)
    return Example(frame.write(points, block), frame.write(place[None], block))


def check_shapes(rows: Sequence[int], columns: Sequence[int], dimensions: int, digits: int) -> None:
    """Check that prompts can have these sizes.

    Raises:
        EvollmError: If one is missing or not positive, a prompt has more coordinates than a
            function, or a coordinate more than nine digits.
    """
    for name, sizes in (("rows", rows), ("columns", columns)):
        if not sizes or min(sizes) < 1:
            raise EvollmError(f"{name} must each be 1 or more, and at least one, not {sizes}")
    if not 1 <= digits <= 9:
        raise EvollmError(f"digits must be 1 to 9, not {digits}")
    if max(columns) > dimensions:
        raise EvollmError(
            f"dimensions must be at least {max(columns)}, the largest number of columns, not "
            f"{dimensions}"
        )
