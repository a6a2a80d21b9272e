"""A paired difference of two prompts on the same examples, with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
CHUNK = 500
"""Resamples drawn at once, so that they take little memory."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one prompt is than another on the same examples.

    Attributes:
        mean: The mean difference.
        low: Lower end of the 95% interval.
        high: Upper end.
        examples: How many there are.
    """

    mean: float
    low: float
    high: float
    examples: int

    @classmethod
    def of(cls, before: Sequence[float], after: Sequence[float], seed: int = 0) -> "Difference":
        """Compare two prompts: percentile bootstrap over examples, 10,000 resamples.

        Args:
            before: The score of each example with the one prompt; at least one.
            after: The same examples' scores with the other.
            seed: Of the resamples.
        """
        gains = np.subtract(after, before, dtype=np.float64)
        rng, means = np.random.default_rng(seed), np.empty(RESAMPLES)
        for start in range(0, RESAMPLES, CHUNK):
            drawn = rng.integers(len(gains), size=(CHUNK, len(gains)))
            means[start : start + CHUNK] = gains[drawn].mean(axis=1)
        low, high = np.quantile(means, (0.025, 0.975))
        return cls(float(gains.mean()), float(low), float(high), len(gains))

    def text(self, format: str = ".3g") -> str:
        """Return it in a few words.

        Args:
            format: How numbers are written; their signs are always.
        """
        mean, low, high = (f"{value:+{format}}" for value in (self.mean, self.low, self.high))
        return f"{mean} (95% interval {low} to {high})"
