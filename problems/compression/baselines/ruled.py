"""A rule as a system: what it chooses is scored and measured as a search's result is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evollm import Budget
from evollm.algorithms.races import Rung, one_plus_lambda
from evollm.search.flow import Flow
from operators.levels import FixedLevels
from problems.compression.baselines.rules import choice
from problems.compression.system import EvoPress

if TYPE_CHECKING:
    from problems.compression.fitness import CompressedModel
    from problems.compression.schedules import Schedule


class Ruled(EvoPress):
    """Levels that a rule chooses, in place of a search.

    Args:
        like: The search, whose problem it shares.
        rule: Name of what chooses.
    """

    problem: CompressedModel
    schedule: Schedule

    def __init__(self, like: EvoPress, rule: str) -> None:
        super().__init__(kind=like.kind, checkpoint="none", check=like.check)
        self.problem, self.schedule, self._rule = like.problem, like.schedule, rule

    @property
    def budget(self) -> Budget:  # type: ignore[override]
        """No generation."""
        return Budget(generations=0)

    def flow(self, seed: int) -> Flow:
        """Return a search that scores what the rule chooses, in the last stage."""
        start = FixedLevels(choice(self._rule, self.problem, self.schedule, seed).genome)
        last = Rung(self.schedule.stages[-1][0])
        return one_plus_lambda(start, start, offspring=1, seed=seed, start_rungs=[last])
