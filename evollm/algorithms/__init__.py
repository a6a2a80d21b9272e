"""Algorithms: flows that read like their pseudocode.

- ``asynchronous``: Lanes that do not wait for each other.
- ``broods``: Joins many small jobs of one operator into one, which is much faster.
- ``classic``: The classical genetic algorithm: select, mate, mutate, replace the parents.
- ``duplicates``: Which children count as duplicates, and what happens to them.
- ``generations``: Generational algorithms, including NSGA-II.
- ``mating``: Which parents breed with which operator, in fixed or adaptive shares.
- ``pareto``: Pareto fronts and selection by several objectives, ranked by DEAP's NSGA-II.
- ``quality_diversity``: The fittest individual of each kind.
- ``races``: Races: many candidates scored with little effort, and few with more.
- ``rescoring``: The best individuals of a noisy search are evaluated again.
- ``selection``: Selection rules for parents and survivors.
"""

from evollm.algorithms.asynchronous import islands, steady_state
from evollm.algorithms.classic import ea_simple
from evollm.algorithms.duplicates import Distinct
from evollm.algorithms.generations import generational, nsga2
from evollm.algorithms.mating import Adaptive, Mating
from evollm.algorithms.pareto import front
from evollm.algorithms.quality_diversity import map_elites
from evollm.algorithms.races import Rung, one_plus_lambda, race
from evollm.algorithms.rescoring import rescored

__all__ = [
    "Adaptive",
    "Distinct",
    "Mating",
    "Rung",
    "ea_simple",
    "front",
    "generational",
    "islands",
    "map_elites",
    "nsga2",
    "one_plus_lambda",
    "race",
    "rescored",
    "steady_state",
]
