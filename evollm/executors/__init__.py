"""Executors: where evaluations run.

- ``anew``: Of what the constructor was given, whatever the object holds by then.
- ``base``: Where evaluations run, from the same thread to child processes with time limits.
- ``cluster``: Evaluations on replica actors of a cluster, or of this machine.
- ``processes``: Evaluations in child processes that can be killed, without the parent's secrets.
"""

from evollm.executors.base import Executor, Serial, Threads
from evollm.executors.cluster import Ray
from evollm.executors.processes import Processes

__all__ = [
    "Executor",
    "Processes",
    "Ray",
    "Serial",
    "Threads",
]
