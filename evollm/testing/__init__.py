"""Conformance kits: the contract of each protocol as tests, for whoever implements one.

- ``executors``: The contract of an executor as tests, for whoever writes one.
- ``flows``: The contract of a flow as tests, for whoever writes one.
- ``kits``: The contracts of operators and problems as tests, for whoever writes one.
- ``systems``: The contract of a system as tests, for whoever writes one.
- ``trials``: A small problem and a small flow that do what a test tells them to.
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
