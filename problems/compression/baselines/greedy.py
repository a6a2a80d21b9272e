"""One level lower at a time, each time where the divergence rises least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evollm.checks import positive
from problems.compression.layout import Genome, Layout, Rule

if TYPE_CHECKING:
    from problems.compression.evaluation.scorer import Scorer


def greedy(
    scorer: Scorer,
    windows: NDArray[np.int64],
    like: Genome,
    rule: Rule = "size",
    together: int = 1,
) -> Genome:
    """Lower levels, beginning with the highest ones, until no group takes more than another genome.

    In each round all units that can be lowered are tried. What counts is the rise of the divergence
    per share of the way that the unit's group has to go. Where the steps of a group are equal, its
    budget is met exactly; else it may be fallen short of by less than a step.

    Args:
        scorer: Of the units.
        windows: Text: ids of shape ``(rows, length)``.
        like: A genome, of whose bytes each group takes at most as many.
        rule: Which units are a group, as ``Layout.groups`` has it.
        together: How many units are lowered in each round: of more, some ranks are out of date, but
            the rounds are fewer.

    Raises:
        EvollmError: If the number is not positive.
    """
    positive(together=together)
    way = _Way(scorer.stitched.layout, like, rule)
    genome = scorer.stitched.layout.tops.copy()
    [before] = scorer.score([genome], windows)
    while moves := way.moves(genome):
        children = [_lowered(genome, place) for place in moves]
        shares = [way.share(genome, child) for child in children]
        keep = together if np.ptp(shares) < 1e-9 else None
        scores = scorer.score(children, windows, keep)
        ranks = [(one.mean - before.mean) / by for one, by in zip(scores, shares, strict=True)]
        order = np.argsort(ranks, kind="stable")
        before = scores[order[0]]
        for count, place in enumerate(moves[index] for index in order[:together]):
            if count == 0 or place in way.moves(genome):
                genome = _lowered(genome, place)
        if together > 1:
            [before] = scorer.score([genome], windows)
    return genome


class _Way:
    """What each group takes, and is to take at most."""

    def __init__(self, layout: Layout, like: Genome, rule: Rule) -> None:
        self.layout = layout
        self.groups = np.array(layout.groups(rule))
        self.goal = self.taken(like)
        self.length = np.maximum(self.taken(layout.tops) - self.goal, 1)

    def taken(self, genome: Genome) -> NDArray[np.int64]:
        """Return the bytes of each group; of sublayers whose bytes count elsewhere, how many."""
        table = self.layout.table[np.arange(len(genome)), genome]
        counted = [not unit.linear and not any(unit.costs) for unit in self.layout.units]
        taken = np.where(counted, genome, np.where(self.layout.dropped(genome), 0, table))
        return np.bincount(self.groups, taken, self.groups.max() + 1).astype(np.int64)

    def moves(self, genome: Genome) -> list[int]:
        """Return the units that may be lowered: best those after which no group lacks bytes."""
        over = self.taken(genome) > self.goal
        gone = self.layout.dropped(genome)
        open_ = [
            place
            for place in np.flatnonzero((genome > 0) & over[self.groups]).tolist()
            if not (gone[place] and self.layout.units[place].linear)
        ]
        fitting = [
            place for place in open_ if (self.taken(_lowered(genome, place)) >= self.goal).all()
        ]
        unmet = {*self.groups[open_]} - {*self.groups[fitting]}
        return sorted([*fitting, *(place for place in open_ if self.groups[place] in unmet)])

    def share(self, genome: Genome, child: Genome) -> float:
        """Return how much of the way of its group a child has gone."""
        return float(((self.taken(genome) - self.taken(child)) / self.length).max())


def _lowered(genome: Genome, place: int) -> Genome:
    child = genome.copy()
    child[place] -= 1
    return child
