"""Conformance kits: the contract of each protocol as tests, for whoever implements one.

- ``kits``: The contract of each protocol as tests, for whoever implements one.
- ``systems``: The contract of a system as tests, for whoever writes one.
- ``trials``: A small problem and a small flow that do what a test tells them to.
"""

from evollm.testing.kits import (
    ExecutorKit,
    FlowCase,
    FlowKit,
    OperatorCase,
    OperatorKit,
    ProblemCase,
    ProblemKit,
)
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
