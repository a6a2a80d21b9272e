"""The fitness of expressions on rows, as a problem for the engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evollm.errors import EvollmError
from evollm.types import Outcome
from operators.deap.genomes import Expression
from operators.expressions.genome import height
from operators.expressions.primitives import Primitives
from problems.expressions.evaluation import Columns, cause, columns, compute


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows with a number to predict.

    Attributes:
        X: Shape ``(rows, variables)``.
        y: One number per row.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]

    @classmethod
    def of(cls, X: ArrayLike, y: ArrayLike) -> "Rows":
        """Check and convert rows.

        Raises:
            EvollmError: If there are none, lengths differ or a value is not a finite number.
        """
        try:
            table, target = np.array(X, dtype=np.float64), np.array(y, dtype=np.float64)
        except (TypeError, ValueError):
            raise EvollmError("rows and targets must be numbers: convert or remove texts") from None
        if table.ndim != 2 or target.shape != table.shape[:1] or not len(target):
            raise EvollmError(
                "there must be a table of at least one row and a target per row, not shapes "
                f"{table.shape} and {target.shape}"
            )
        if not (np.isfinite(table).all() and np.isfinite(target).all()):
            raise EvollmError("rows and targets must be finite: remove or fill missing values")
        return cls(table, target)


@dataclass(frozen=True, slots=True, eq=False)
class ExpressionFitness:
    """Scores expressions by their error on the training rows.

    The fitness is minus the NRMSE: the root mean squared error divided by the standard deviation of
    the target (by 1 if the target is constant). The metrics are ``r2``, ``size`` (number of nodes)
    and ``height``; ``info`` contains the ``scale`` ``[a, b]`` with which ``a + b * expression`` is
    the prediction.

    Functions are not protected. An expression whose prediction is not finite in some row is a
    failed evaluation whose error names the first function, from the leaves, with such a value.

    Attributes:
        primitives: What expressions are made of.
        train: The rows to which expressions are scaled, and on which they are scored.
        scaling: Whether predictions are scaled by least squares (Keijzer: Improving Symbolic
            Regression with Interval Arithmetic and Linear Scaling, 2003).
        held: Rows to score expressions on in place of the training rows; None for none.
        part: Prefix of the metrics ``nrmse`` and ``r2`` on the held rows, such as ``test_``.
    """

    primitives: Primitives
    train: Rows
    scaling: bool = True
    held: Rows | None = None
    part: str = ""
    elementwise: bool = field(default=True, init=False, metadata={"parameter": False})

    def evaluate(
        self, genomes: Sequence[Expression], fidelity: int | None, seed: int
    ) -> list[Outcome]:
        """Score expressions; one that is not finite fails alone."""
        own = _Target(self.train, self.primitives)
        held = None if self.held is None else _Target(self.held, self.primitives)
        with np.errstate(all="ignore"):
            return [self._score(genome, own, held) for genome in genomes]

    def scale(self, genome: Expression) -> tuple[float, float]:
        """Return the numbers ``a`` and ``b`` of an expression; see ``ExpressionFitness``.

        Raises:
            EvollmError: If its values are not finite.
        """
        own = _Target(self.train, self.primitives)
        with np.errstate(all="ignore"):
            a, b, error = own.fitted(compute(genome.nodes, own.values), self.scaling)
        if not isfinite(error):
            raise EvollmError(_failure(genome, own.values))
        return a, b

    def _score(self, genome: Expression, own: "_Target", held: "_Target | None") -> Outcome:
        a, b, error = own.fitted(compute(genome.nodes, own.values), self.scaling)
        rows, where = own, ""
        if held is not None and isfinite(error):
            rows, where = held, "the held-out rows: "
            error = held.nrmse(a + b * compute(genome.nodes, held.values))
        metrics = {"size": float(len(genome.nodes)), "height": float(height(genome))}
        if not isfinite(error):
            return Outcome(-inf, metrics, error=where + _failure(genome, rows.values))
        metrics[f"{self.part}r2"] = 1.0 - (error * error if rows.varies else float(error > 0))
        if self.part:
            metrics[f"{self.part}nrmse"] = -error
        return Outcome(-error, metrics, info={"scale": [a, b]})


def _failure(genome: Expression, values: Columns) -> str:
    """Return the cause of a failed evaluation."""
    name = cause(genome.nodes, values)
    return f"the value of {name} is not finite" if name else "the values are too large"


class _Target:
    """Rows prepared for many expressions."""

    def __init__(self, rows: Rows, primitives: Primitives) -> None:
        self.values: Columns = columns(rows.X, primitives.variables)
        self._y = rows.y
        self._mean = float(rows.y.mean())
        self._centred = rows.y - self._mean
        deviation = sqrt(float(self._centred @ self._centred) / len(rows.y))
        self.varies = deviation > 0
        self._unit = (deviation or 1.0) * sqrt(len(rows.y))

    def fitted(self, values: Any, scaling: bool) -> tuple[float, float, float]:
        """Return the least-squares numbers ``a`` and ``b``, and the NRMSE; NaN if not finite."""
        if not scaling:
            return 0.0, 1.0, self.nrmse(values)
        if np.ndim(values) == 0:
            return self._mean, 0.0, self.nrmse(self._mean + 0.0 * values)
        mean = float(values.sum()) / len(values)
        centred = values - mean
        square = float(centred @ centred)
        if not isfinite(square):
            return nan, nan, nan
        if square <= 1e-30 * len(values) * mean * mean:  # constant but for rounding
            return self._mean, 0.0, self.nrmse(self._mean)
        b = float(centred @ self._centred) / square
        rest = self._centred - b * centred
        return self._mean - b * mean, b, sqrt(float(rest @ rest)) / self._unit

    def nrmse(self, prediction: Any) -> float:
        """Return the root mean squared error in standard deviations of the target."""
        rest = self._y - prediction
        return sqrt(float(rest @ rest)) / self._unit
