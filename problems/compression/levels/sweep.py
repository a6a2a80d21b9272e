"""Columns changed one after another, each error made up for in the columns that follow.

This is the step that GPTQ (Frantar et al., 2023, https://arxiv.org/abs/2210.17323) and SparseGPT
(Frantar and Alistarh, 2023, https://arxiv.org/abs/2301.00774) share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 128
"""Most columns of a block, whose effect on later blocks is applied at once."""
NARROW = 16
"""Columns whose effect on the rest of their block is."""


def starts(columns: int, group: int = 0) -> list[int]:
    """Return where blocks of columns start, each group's first column among them; and the end."""
    found = {*range(0, columns, WIDTH), *range(0, columns, group or columns), columns}
    return sorted(found)


def sweep(
    weights: Tensor,
    lower: Tensor,
    bounds: Iterable[int],
    enter: Callable[[int, int], None],
    change: Callable[[int, Tensor], Tensor],
) -> None:
    """Change a matrix in place, column after column.

    Args:
        weights: Of shape ``(columns, rows)``: transposed, so that a column is in one piece. Rows do
            not affect each other.
        lower: From ``hessian.factor``.
        bounds: From ``starts``.
        enter: Called with the bounds of a block before it is changed. By then the errors of all
            earlier blocks are made up for, in it and behind it.
        change: Called with a column's place and values; it returns what they become.
    """
    import torch

    for start, stop in pairwise(bounds):
        enter(start, stop)
        errors = torch.empty_like(weights[start:stop])
        for left in range(start, stop, NARROW):
            right = min(left + NARROW, stop)
            own = errors[left - start : right - start]
            _changed(weights, lower, left, own, change)
            weights[right:stop].addmm_(lower[right:stop, left:right], own, alpha=-1)
        weights[stop:].addmm_(lower[stop:, start:stop], errors, alpha=-1)


def _changed(
    weights: Tensor,
    lower: Tensor,
    start: int,
    errors: Tensor,
    change: Callable[[int, Tensor], Tensor],
) -> None:
    """Change as many columns as there are errors, and fill those in."""
    import torch

    with _alone():
        for place, error in enumerate(errors):
            column = start + place
            values = weights[column]
            if place:
                values = values - lower[column, start:column] @ errors[:place]
            changed = change(column, values)
            torch.sub(values, changed, out=error)
            error /= lower[column, column]
            weights[column] = changed


@contextmanager
def _alone() -> Iterator[None]:
    """Compute in one thread: over single columns threads wait for each other more than they do."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
