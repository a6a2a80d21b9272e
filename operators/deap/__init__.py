"""DEAP on the engine: its functions, toolboxes, selection, statistics and archives."""

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
