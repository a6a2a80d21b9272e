"""Conformance kits: the contract of each protocol as tests, for its implementers.

- ``executors``: The contract of executors as tests.
- ``flows``: The contract of flows as tests.
- ``kits``: The contracts of operators and problems as tests.
- ``systems``: The contract of systems as tests.
- ``trials``: Small problems, flows and operators with prescribed behaviour.
"""

from evollm.testing.executors import ExecutorKit
from evollm.testing.flows import FlowCase, FlowKit
from evollm.testing.kits import OperatorCase, OperatorKit, ProblemCase, ProblemKit
from evollm.testing.systems import SystemCase, SystemKit
from evollm.testing.trials import Given, Trial, once

__all__ = [
    "ExecutorKit",
    "FlowCase",
    "FlowKit",
    "Given",
    "OperatorCase",
    "OperatorKit",
    "ProblemCase",
    "ProblemKit",
    "SystemCase",
    "SystemKit",
    "Trial",
    "once",
]
