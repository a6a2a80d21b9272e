"""Scores of labels, and what is made of them: margins, pools of the best, and the final choice."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

RIGHT, WRONG = 200.0, 180.0
"""What a margin counts where the right label leads, and where it does not (RLPrompt, 2022)."""
LEAST_ELITES = 10


@dataclass(frozen=True, eq=False)
class Margins:
    """How clearly the right labels lead, for E examples.

    Attributes:
        gaps: The right label's share minus the largest of the others, (E,), each in [-1, 1].
        predictions: The label of the highest score, the lowest of several, (E,).
        correct: Whether that is the right one, (E,).
        tied: Whether several labels share the highest score, (E,).
    """

    gaps: NDArray[np.float64]
    predictions: NDArray[np.int64]
    correct: NDArray[np.bool_]
    tied: NDArray[np.bool_]

    @cached_property
    def rewards(self) -> NDArray[np.float64]:
        """The reward of each example, (E,), in [-180, 200]."""
        return self.gaps * np.where(self.gaps > 0, RIGHT, WRONG)

    @property
    def reward(self) -> float:
        """The mean reward, in [-180, 200]."""
        return float(self.rewards.mean())

    @property
    def accuracy(self) -> float:
        """The share of examples predicted right, in [0, 1]."""
        return float(self.correct.mean())

    @property
    def ties(self) -> int:
        """How many examples have several best labels."""
        return int(self.tied.sum())

    def __add__(self, others: Self) -> Self:
        """Return the margins of these examples and of others after them."""
        names = ("gaps", "predictions", "correct", "tied")
        pairs = [(getattr(self, name), getattr(others, name)) for name in names]
        return type(self)(*map(np.concatenate, pairs))


def margins(scores: ArrayLike, labels: ArrayLike) -> Margins:
    """Return the margins of the right labels in a softmax over the label words.

    Args:
        scores: Logits or log-probabilities of the label words, (E, C), C at least 2, E at least 1.
        labels: The right label of each example, (E,), 0 to C - 1.
    """
    logits = np.asarray(scores, dtype=np.float64)
    right = np.asarray(labels, dtype=np.int64)[:, None]
    best = logits.max(axis=1, keepdims=True)
    shares = np.exp(logits - best)
    shares /= shares.sum(axis=1, keepdims=True)
    others = shares.copy()
    np.put_along_axis(others, right, -np.inf, axis=1)
    predictions = logits.argmax(axis=1)
    return Margins(
        np.take_along_axis(shares, right, axis=1)[:, 0] - others.max(axis=1),
        predictions,
        predictions == right[:, 0],
        (logits == best).sum(axis=1) > 1,
    )


def stage_mean(stages: Sequence[ArrayLike], *, equally: bool = False) -> float:
    """Return the fitness of a prompt that was scored in stages.

    Args:
        stages: The scores of the examples of each stage.
        equally: Whether stages weigh the same, however many examples they have, as in the
            reference code; else all examples do.
    """
    arrays = [np.asarray(stage, dtype=np.float64) for stage in stages]
    if equally:
        return float(np.mean([array.mean() for array in arrays]))
    return float(np.concatenate(arrays).mean())


def percentile_pool(scores: ArrayLike, percent: float = 90.0) -> tuple[int, ...]:
    """Return the rows that reach a percentile, as the reference code does: often more than 10%.

    Args:
        scores: Search scores, (N,), N at least 1.
        percent: The percentile, 0 to 100, linearly interpolated.
    """
    values = np.asarray(scores, dtype=np.float64)
    return tuple(np.flatnonzero(values >= np.percentile(values, percent)).tolist())


def elites(
    scores: Sequence[float],
    lengths: Sequence[int],
    keys: Sequence[Hashable],
    share: float = 0.1,
    least: int = LEAST_ELITES,
) -> tuple[int, ...]:
    """Return the rows to be compared on more data, best first.

    Rows are ranked by score, then shorter, then earlier; of equal prompts the earliest counts.

    Args:
        scores: Complete search scores, in the order in which the prompts were made; no NaN.
        lengths: Length of each prompt.
        keys: What tells prompts apart.
        share: How much of the distinct prompts, 0 to 1, rounded up.
        least: How many at least, where there are as many.
    """
    first: dict[Hashable, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    ranked = sorted(first.values(), key=lambda row: (-scores[row], lengths[row], row))
    # Rounding first: 0.1 * 30 is a little more than 3.
    return tuple(ranked[: max(least, ceil(round(share * len(ranked), 9)))])


def choose(selected: Sequence[float], scores: Sequence[float], lengths: Sequence[int]) -> int:
    """Return the row that is best on the selection set.

    Equal ones go by the higher search score, then shorter, then earlier.

    Args:
        selected: Scores on the selection set; at least one.
        scores: Scores on the search set.
        lengths: Length of each prompt.
    """
    rows = range(len(selected))
    return min(rows, key=lambda row: (-selected[row], -scores[row], lengths[row], row))
