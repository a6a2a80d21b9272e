"""EvoLLM and its controls: black-box optimisation of functions of numbers."""

from problems.blackbox.framed import Framed
from problems.blackbox.function import Noise
from problems.blackbox.interface.earlier import Earlier
from problems.blackbox.interface.minimizing import maximize, minimize
from problems.blackbox.paper import Paper
from problems.blackbox.report import Found
from problems.blackbox.space import Category, Integer, Real, Space
from problems.blackbox.system import EvoLLM

__all__ = [
    "Category",
    "Earlier",
    "EvoLLM",
    "Found",
    "Framed",
    "Integer",
    "Noise",
    "Paper",
    "Real",
    "Space",
    "maximize",
    "minimize",
]
