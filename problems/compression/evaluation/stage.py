"""Which candidates of a stage are computed on which windows, without a change of survivors."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError

Key = TypeVar("Key", bound=Hashable)
SLACK = 1e-5
"""How much rounding may change the mean of two equal candidates."""


@dataclass(frozen=True)
class Batch:
    """Windows that are computed together.

    Attributes:
        ids: Of shape ``(rows, length)``.
        whole: The windows that these are the starts of.
    """

    ids: NDArray[np.int64]
    whole: NDArray[np.int64]

    @property
    def positions(self) -> int:
        """Of each window that are scored: all but the last."""
        return int(self.ids.shape[1]) - 1


def batches(windows: NDArray[np.int64], tokens: int | None, most: int) -> list[Batch]:
    """Cut windows into batches.

    Args:
        windows: Ids of shape ``(rows, length)``.
        tokens: How many to use; the last window is cut to that end, and left out if a single token
            would be left of it. None for all.
        most: Tokens of a batch, if a single window has no more.

    Raises:
        EvollmError: If no position is left to score.
    """
    windows = np.ascontiguousarray(windows, np.int64)
    count, length = windows.shape
    tokens = count * length if tokens is None else min(tokens, count * length)
    if min(tokens, length) < 2:
        raise EvollmError(
            f"tokens must be at least 2, and so many in each window, not {tokens} in windows of "
            f"{length}: a position is scored by the one behind it"
        )
    full, rest = divmod(tokens, length)
    rows = max(1, most // length)
    starts = [windows[start : min(start + rows, full)] for start in range(0, full, rows)]
    found = [Batch(ids, ids) for ids in starts]
    last = windows[full : full + 1]
    return [*found, Batch(last[:, :rest], last)] if rest > 1 else found


class Sums:
    """What a candidate's windows sum up to, by metric.

    Attributes:
        windows: Of shape ``(metrics, windows)``.
        batches: How many are in it.
    """

    def __init__(self, metrics: int) -> None:
        self.windows: NDArray[np.float64] = np.zeros((metrics, 0))
        self.batches = 0

    @property
    def total(self) -> float:
        """Of the first metric."""
        return float(self.windows[0].sum())

    def add(self, windows: NDArray[np.float64]) -> None:
        """Append a batch."""
        self.windows = np.concatenate([self.windows, windows], 1)
        self.batches += 1


def complete(
    sums: Mapping[Key, Sums],
    cut: Sequence[Batch],
    keep: int,
    advance: Callable[[list[Key], Batch], None],
) -> None:
    """Advance candidates through the batches, each until it can't survive.

    No value is negative. So as soon as the ``keep`` best are complete, another candidate whose sum
    exceeds theirs can't be among the best. As long as nobody is likely to be stopped, all go on
    together, since then they share most.

    Args:
        sums: Of each candidate; those of complete ones stay as they are.
        cut: The batches.
        keep: How many will survive.
        advance: Runs some candidates on a batch, and adds to their sums.
    """
    bar = np.inf
    for place, batch in enumerate(cut):
        running = [one for one, held in sums.items() if held.batches == place]
        if np.isinf(bar) and _worth(sums, running, cut, keep):
            best = _best(sums, cut, keep)
            for later in range(place, len(cut)):
                if behind := [one for one in best if sums[one].batches == later]:
                    advance(behind, cut[later])
            bar = max(sums[one].total for one in best) + SLACK * _positions(cut)
            running = [one for one in running if sums[one].batches == place]
        if alive := [one for one in running if sums[one].total <= bar]:
            advance(alive, batch)


def _worth(sums: Mapping[Key, Sums], running: list[Key], cut: Sequence[Batch], keep: int) -> bool:
    """Return whether a candidate's sum probably exceeds what the best will have."""
    if not running or keep >= len(sums) or sums[running[0]].batches == 0:
        return False
    bar = _mean(sums[_best(sums, cut, keep)[-1]], cut) * _positions(cut)
    return max(sums[one].total for one in running) > bar


def _best(sums: Mapping[Key, Sums], cut: Sequence[Batch], keep: int) -> list[Key]:
    return sorted(sums, key=lambda one: _mean(sums[one], cut))[:keep]


def _mean(sums: Sums, cut: Sequence[Batch]) -> float:
    return sums.total / _positions(cut[: sums.batches])


def _positions(cut: Sequence[Batch]) -> int:
    return sum(len(batch.ids) * batch.positions for batch in cut)
