"""DEAP on the engine: its functions, toolboxes, selection, statistics and archives.

- ``functions``: DEAP's initialisers, crossovers and mutations as operators.
- ``genomes``: Genomes of DEAP's individuals: plain values that a record keeps, without DEAP's
  classes.
- ``individuals``: DEAP's individuals as genomes that a record can keep, and back.
- ``logbook``: DEAP's statistics, hall of fame and log, kept while a run goes on.
- ``pickling``: Pickles of things that hold DEAP's classes or the global random functions.
- ``ranking``: The engine's individuals in the eyes of DEAP's selection, statistics and archives.
- ``toolbox``: What a user registered for DEAP, as operators, selection and problem of the engine.
"""

from operators.deap.functions import FromDeap
from operators.deap.genomes import Attributed, Expression
from operators.deap.individuals import IndividualCodec, Plain, Several, Trees
from operators.deap.logbook import DeapLog
from operators.deap.ranking import as_deap, from_select
from operators.deap.toolbox import FromToolbox, Parts, from_toolbox

__all__ = [
    "Attributed",
    "DeapLog",
    "Expression",
    "FromDeap",
    "FromToolbox",
    "IndividualCodec",
    "Parts",
    "Plain",
    "Several",
    "Trees",
    "as_deap",
    "from_select",
    "from_toolbox",
]
