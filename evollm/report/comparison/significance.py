"""Significance: whether two groups of runs differ by more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
"""A corrected p of at most this is called significant."""

PAIRS = 6
"""Least number of common seeds for a paired test: with fewer its p can't be below ``LEVEL``."""

_ARRANGEMENTS = 20_000


@dataclass(frozen=True, slots=True)
class Difference:
    """The result of a two-sided test of two groups.

    Attributes:
        name: Name of the test.
        runs: How many runs or pairs of runs it compared, as text.
        p: Its p-value.
        least: The smallest p-value that so many runs can give, however they differ.
        sign: Positive if the first group tends to larger numbers, negative if the second does.
    """

    name: str
    runs: str
    p: float
    least: float
    sign: float


def paired(one: Sequence[float], other: Sequence[float]) -> Difference:
    """Compare pairs of numbers by Wilcoxon's signed-rank test; pairs of equal numbers are dropped.

    Args:
        one: Numbers of the first group.
        other: Those of the second, in the same order.
    """
    from scipy.stats import rankdata, wilcoxon  # type: ignore[import-untyped]

    differences = np.array([a - b for a, b in zip(one, other, strict=True) if a != b])
    p = float(wilcoxon(differences).pvalue) if len(differences) else 1.0
    sign = float(np.sum(np.sign(differences) * rankdata(np.abs(differences))))
    return Difference("Wilcoxon", f"{len(one)} pairs", p, min(1.0, 2.0 / 2 ** len(one)), sign)


def unpaired(one: Sequence[float], other: Sequence[float]) -> Difference:
    """Compare two groups of numbers by the test of Mann and Whitney.

    Its p is exact for equal numbers too, where that takes no time.
    """
    from scipy.stats import PermutationMethod, mannwhitneyu

    together, arrangements = [*one, *other], comb(len(one) + len(other), len(one))
    ties = len(set(together)) < len(together)
    exact = ties and min(len(one), len(other)) > 1 and arrangements <= _ARRANGEMENTS
    method = PermutationMethod(n_resamples=_ARRANGEMENTS) if exact else "auto"
    found = mannwhitneyu(one, other, method=method)
    p = 1.0 if len(set(together)) == 1 else float(found.pvalue)
    sign = float(found.statistic) - len(one) * len(other) / 2
    least = min(1.0, 2 / arrangements)
    return Difference("Mann-Whitney", f"{len(one)} and {len(other)}", p, least, sign)


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm, 1979)."""
    order = np.argsort(values, kind="stable")
    found: NDArray[np.float64] = np.empty(len(values))
    found[order] = np.maximum.accumulate(
        [min(1.0, (len(values) - rank) * values[place]) for rank, place in enumerate(order)]
    )
    return [float(p) for p in found]
