"""Evolutionary search whose variation operators may be language models.

An algorithm is a flow, a generator that asks for jobs; a ``Search`` drives it; ``run`` carries the
jobs to an executor and writes down what comes back, so that any run can be killed and goes on. See
the README for a start.
"""

from evollm.asktell import AskTell
from evollm.budget import Budget, Usage
from evollm.engine import Search
from evollm.executors import Serial, Threads
from evollm.flow import Evaluate, Vary
from evollm.lift import operator
from evollm.loop import run
from evollm.processes import Processes
from evollm.result import Result
from evollm.types import Candidate, EvollmError, Individual, Offspring, Outcome

__all__ = [
    "AskTell",
    "Budget",
    "Candidate",
    "Evaluate",
    "EvollmError",
    "Individual",
    "Offspring",
    "Outcome",
    "Processes",
    "Result",
    "Search",
    "Serial",
    "Threads",
    "Usage",
    "Vary",
    "operator",
    "run",
]
__version__ = "0.1.0"
