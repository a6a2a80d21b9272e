"""EvoLLM and its controls: black-box optimisation of functions of numbers."""

from problems.blackbox.framed import Framed
from problems.blackbox.paper import Paper
from problems.blackbox.report import Found
from problems.blackbox.space import Category, Integer, Real, Space
from problems.blackbox.system import EvoLLM, maximize, minimize

__all__ = [
    "Category",
    "EvoLLM",
    "Found",
    "Framed",
    "Integer",
    "Paper",
    "Real",
    "Space",
    "maximize",
    "minimize",
]
