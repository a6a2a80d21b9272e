"""Evaluation: how problems with constraints or noise are scored.

- ``constraints``: Violations of constraints as one number.
- ``noise``: A noisy problem that is evaluated several times.
- ``wrapped``: The common part of problems that evaluate another one.
"""

from evollm.evaluation.constraints import violation
from evollm.evaluation.noise import Repeated

__all__ = ["Repeated", "violation"]
