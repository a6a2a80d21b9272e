"""Ways to drop fewer sublayers stay within those of a way that drops more."""

import numpy as np

from evollm.types import Candidate
from problems.compression.layout import DENSE, DROP, Layout, Unit
from tests.benchmarks.studies.monotone import within

UNITS = tuple(
    Unit(block, part, part, 10, (DROP, DENSE), (0, 20))
    for block in range(6)
    for part in ("attention", "mlp")
)


def test_draws_and_children_drop_a_part_of_what_is_dropped() -> None:
    layout = Layout(UNITS, 6, 0)
    most = np.ones(12, np.int64)
    most[[0, 2, 4, 6, 1, 3, 5, 7]] = 0
    start, variation = within(layout, most, 2)
    drawn = start.vary([], 20, 0).genomes
    children = variation.vary([Candidate(0, drawn[0], (), "", 0)], 50, 0).genomes
    for genome in (*drawn, *children):
        assert set(np.flatnonzero(genome == 0)) < set(np.flatnonzero(most == 0))
        assert [(genome[sort::2] == 0).sum() for sort in (0, 1)] == [2, 2]
    assert len({genome.tobytes() for genome in children}) > 5
