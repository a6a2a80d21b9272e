"""DEAP on the engine: its functions, toolboxes, selection, statistics and archives.

- ``functions``: DEAP's initialisers, crossovers and mutations as operators.
- ``genomes``: Genomes of DEAP's individuals: plain values that a record can hold.
- ``individuals``: Converts DEAP's individuals to genomes that a record can hold, and back.
- ``logbook``: DEAP's statistics, hall of fame and logbook, updated during a run.
- ``pickling``: Pickles of objects with DEAP's classes or global random functions.
- ``ranking``: The engine's individuals as DEAP's selection, statistics and archives expect them.
- ``toolbox``: Converts a toolbox to operators, selection and problem of the engine.
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
