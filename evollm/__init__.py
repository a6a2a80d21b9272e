"""Evolutionary search whose variation operators may be language models.

An algorithm is a flow, a generator that yields jobs; a ``Search`` drives it; ``run`` sends the jobs
to an executor and records the answers, so that any run can be killed and resumed. See the README
for an introduction.
"""

from typing import TYPE_CHECKING

from evollm.errors import EvollmError
from evollm.executors.base import Serial, Threads
from evollm.functions import operator
from evollm.lazy import lazily as _lazily
from evollm.runtime.budget import Budget, Usage
from evollm.runtime.loop import run
from evollm.runtime.result import Result
from evollm.search.flow import Evaluate, Vary
from evollm.search.search import Search
from evollm.types import Candidate, Individual, Offspring, Outcome
from evollm.units import Units

if TYPE_CHECKING:
    from evollm.executors.processes import Processes
    from evollm.runtime.ask_tell import AskTell
    from evollm.system import System

__getattr__ = _lazily(
    __name__,
    {
        "AskTell": "evollm.runtime.ask_tell",
        "Processes": "evollm.executors.processes",
        "System": "evollm.system",
    },
)
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
    "System",
    "Threads",
    "Units",
    "Usage",
    "Vary",
    "operator",
    "run",
]
__version__ = "0.2.0"
