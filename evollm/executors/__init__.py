"""Executors: where evaluations run.

- ``anew``: Copies of an object that are made from its constructor's arguments.
- ``base``: Where evaluations run, from the same thread to child processes with time limits.
- ``child``: A child process that evaluates chunks for a pool, and the protocol it speaks.
- ``cluster``: Evaluations by Ray actors, on a cluster or on this machine.
- ``environment``: The environment variables of workers: the caller's without its secrets.
- ``names``: The executors by name, and the settings of their workers.
- ``pickling``: How problems and outcomes are sent to workers and back.
- ``processes``: Evaluations in child processes that can be killed, without the parent's secrets.
- ``remote_ledger``: Accounts for a worker's model calls in the process that drives the worker.
- ``replicas``: Ray actors that hold a copy of the problem, and the objects that drive them.
- ``scoring``: Evaluates a chunk of genomes in this process, one outcome at a time.
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
