"""Algorithms: flows that read like their pseudocode.

- ``asynchronous``: Lanes that do not wait for each other.
- ``broods``: Many small jobs of one operator as one, which costs the engine and NumPy far less.
- ``classic``: The classical genetic algorithm: select, mate, mutate, and let the children take
  over.
- ``duplicates``: Which children count as seen before, and what becomes of them.
- ``generations``: Flows that read like their pseudocode.
- ``mating``: Which parents breed by which operator, in fixed shares or in shares that adapt.
- ``pareto``: Selection by several objectives at once, ranked by DEAP's NSGA-II.
- ``quality_diversity``: The fittest individual of each kind.
- ``races``: Many candidates with little effort, and fewer with more.
- ``selection``: Rules for parents and for survivors; each serves for both.
"""

from evollm.algorithms.asynchronous import islands, steady_state
from evollm.algorithms.classic import ea_simple
from evollm.algorithms.duplicates import Distinct
from evollm.algorithms.generations import generational, nsga2
from evollm.algorithms.mating import Adaptive, Mating
from evollm.algorithms.pareto import front
from evollm.algorithms.quality_diversity import map_elites
from evollm.algorithms.races import Rung, one_plus_lambda, race

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
    "steady_state",
]
