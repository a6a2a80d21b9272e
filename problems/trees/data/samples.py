"""Samples: rows with targets, to which trees are fitted and on which they are scored."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evollm.errors import EvollmError
from problems.trees.model.routing import Columns32, as_columns


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A table of numbers with one target per row.

    Attributes:
        X: Shape ``(rows, columns)`` in single precision; NaN for missing values, codes from 0 for
            categories.
        y: Indices of classes, or numbers.
        weights: Weight of each row, 0 or more; None for 1 each.
        groups: Codes from 0 of the groups that a fair tree treats equally; None for no groups.
        labels: ``y`` as small whole numbers, for indices of classes.
    """

    X: Columns32
    y: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.intp] | None = None
    labels: NDArray[np.uint16] = field(init=False, repr=False, metadata={"parameter": False})

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", np.clip(self.y, 0, 2**16 - 1).astype(np.uint16))

    @classmethod
    def of(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        weights: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> "Samples":
        """Check and convert rows; groups may have arbitrary labels.

        Raises:
            EvollmError: If there are no rows, lengths differ, a target is not a finite number, a
                weight is negative, or all weights are 0.
        """
        columns = as_columns(X)
        target = _vector(y, "targets", len(columns))
        weighed = None if weights is None else _vector(weights, "weights", len(columns))
        if not len(columns):
            raise EvollmError("there are no rows to fit trees to: give at least one")
        if weighed is not None and (weighed.min() < 0 or weighed.sum() == 0):
            raise EvollmError("weights must be at least 0 and not all 0")
        if groups is None:
            return cls(columns, target, weighed)
        codes = np.unique(np.asarray(groups), return_inverse=True)[1]
        if codes.shape != target.shape:
            raise EvollmError(f"groups need one label per row, not shape {codes.shape}")
        return cls(columns, target, weighed, codes.astype(np.intp))

    def mean(self, values: NDArray[np.float64]) -> float:
        """Return the weighted mean of one value per row."""
        return float(np.average(values, weights=self.weights))


def _vector(values: ArrayLike, what: str, rows: int) -> NDArray[np.float64]:
    """Return one finite number per row."""
    try:
        vector = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise EvollmError(f"{what} must be numbers: give classes by their index") from None
    if vector.shape != (rows,) or not np.isfinite(vector).all():
        raise EvollmError(
            f"{what} must be {rows} finite numbers, one per row, not of shape {vector.shape}"
        )
    return vector
