"""Vectors in the unit cube: classical and model-backed variation.

- ``framed``: A language model that samples points in a frame around the best ones (ours).
- ``quadratic``: A step to the minimum of a quadratic function fitted to points.
- ``recombination``: A language model as recombination operator, EvoLLM-style.
- ``rows``: Vectors as rows of integers, for prompts and for reading answers.
- ``variation``: Classical variation of vectors in the unit cube.
"""

from operators.vectors.variation import (
    Centroid,
    Differential,
    Gaussian,
    Given,
    SimulatedBinary,
    Uniform,
)

__all__ = [
    "Centroid",
    "Differential",
    "Gaussian",
    "Given",
    "SimulatedBinary",
    "Uniform",
]
