"""Executors: where evaluations run.

- ``anew``: Of what the constructor was given, whatever the object holds by then.
- ``base``: Where evaluations run, from the same thread to child processes with time limits.
- ``child``: A child process that evaluates chunks for a pool, and the protocol it speaks.
- ``cluster``: Evaluations on replica actors of a cluster, or of this machine.
- ``environment``: The caller's, without what is a secret by its name.
- ``names``: The executors by name, and what their workers are like.
- ``pickling``: How problems and outcomes travel to workers and back.
- ``processes``: Evaluations in child processes that can be killed, without the parent's secrets.
- ``remote_ledger``: A worker's model calls, accounted for by the process that drives the worker.
- ``replicas``: Ray actors that hold a copy of the problem, and who drives each from this side.
- ``scoring``: A chunk of genomes evaluated here and now, outcome by outcome.
"""

from typing import TYPE_CHECKING

from evollm.executors.base import Executor, Serial, Threads
from evollm.lazy import lazily as _lazily

if TYPE_CHECKING:
    from evollm.executors.cluster import Ray
    from evollm.executors.names import EXECUTORS
    from evollm.executors.processes import Processes

__getattr__ = _lazily(
    __name__,
    {
        "EXECUTORS": "evollm.executors.names",
        "Processes": "evollm.executors.processes",
        "Ray": "evollm.executors.cluster",
    },
)
__all__ = [
    "EXECUTORS",
    "Executor",
    "Processes",
    "Ray",
    "Serial",
    "Threads",
]
