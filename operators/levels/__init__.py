"""Classical variation of level vectors: each level has a cost, and the sum stays in a budget.

A vector holds for each unit the place of its level among that unit's levels, by rising cost. A unit
may have an owner: another unit, at whose level 0 it costs nothing and does not move.

- ``costs``: Costs of levels as tables, and draws of a place in each of many rows.
- ``owners``: Units that are dropped or kept together with those that they own.
- ``starts``: First level vectors: given ones, and random ones at a budget.
- ``steps``: Single levels raised or lowered, whatever the sum.
- ``swaps``: Pairs of levels that are moved by the same cost, so that the sum is unchanged.
- ``trades``: Levels of any cost, raised and lowered until the sum is within the budget.
"""

from operators.levels.costs import Costs, Levels
from operators.levels.owners import OwnerSwap
from operators.levels.starts import FixedLevels, KnownLevels, RandomLevels
from operators.levels.steps import LevelSteps, SpreadLevels
from operators.levels.swaps import LevelSwap
from operators.levels.trades import LevelTrade

__all__ = [
    "Costs",
    "FixedLevels",
    "KnownLevels",
    "LevelSteps",
    "LevelSwap",
    "LevelTrade",
    "Levels",
    "OwnerSwap",
    "RandomLevels",
    "SpreadLevels",
]
