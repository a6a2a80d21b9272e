"""Objectives: scores of a fitted tree on rows; larger is better, so losses are negated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError
from operators.trees.columns import Label
from problems.trees.data.samples import Samples
from problems.trees.model.fitted import Fitted
from problems.trees.model.routing import Numbers

Objective: TypeAlias = str | Callable[..., float]
"""A name in ``CLASSIFICATION``, ``REGRESSION`` or ``FAIRNESS``, or a function ``f(y_true, y_pred)``
like scikit-learn's metrics, with the labels (or numbers) of all rows, and with the keyword
``sample_weight`` if rows have weights. With an attribute ``needs_probabilities = True`` it gets the
classes' probabilities, shape (rows, classes), as ``y_pred``. Larger is better."""


@dataclass(frozen=True, slots=True, eq=False)
class LeafPredictions:
    """A fitted tree on some rows.

    Attributes:
        model: The tree.
        numbers: Each row's leaf.
        samples: The rows.
        weights: Weights of the rows, shape ``(leaves, classes)``; empty in regression.
    """

    model: Fitted
    numbers: Numbers
    samples: Samples
    weights: NDArray[np.float64]


def accuracy(view: LeafPredictions) -> float:
    """Return the weighted share of correctly predicted rows."""
    return float(_right(view).sum() / view.weights.sum())


def balanced_accuracy(view: LeafPredictions) -> float:
    """Return the mean over the occurring classes of the share of correctly predicted rows."""
    total = view.weights.sum(axis=0)
    known = total > 0
    return float((_right(view)[known] / total[known]).mean())


def _right(view: LeafPredictions) -> NDArray[np.float64]:
    """Return the weight of each class's correctly predicted rows."""
    leaves, classes = view.weights.shape
    labels = view.model.values.astype(np.intp)
    right = np.bincount(labels, view.weights[np.arange(leaves), labels], classes)
    return right.astype(np.float64)


def log_loss(view: LeafPredictions) -> float:
    """Return the mean logarithm of the true class's probability (minus the log loss).

    A probability of 0 counts as the machine epsilon of double precision, 2.2e-16.
    """
    tiny = float(np.finfo(np.float64).eps)
    logs = np.log(np.clip(view.model.probabilities, tiny, 1 - tiny))
    return float((view.weights * logs).sum() / view.weights.sum())


def auc(view: LeafPredictions) -> float:
    """Return the area under the ROC curve; for several classes the mean one-vs-rest area.

    Classes that do not occur are ignored; NaN if fewer than two do.
    """
    total = view.weights.sum(axis=0)
    known = np.flatnonzero(total > 0)
    if known.size < 2:
        return float("nan")
    chosen = known[1:] if view.weights.shape[1] == 2 else known
    return float(np.mean([_area(view, int(k)) for k in chosen]))


def _area(view: LeafPredictions, label: int) -> float:
    """Return how often a row of a class is ranked above one of another class; ties count half."""
    _, rank = np.unique(view.model.probabilities[:, label], return_inverse=True)
    yes = np.bincount(rank, view.weights[:, label])
    no = np.bincount(rank, view.weights.sum(axis=1) - view.weights[:, label])
    below = np.cumsum(no) - no
    return float((yes * (below + no / 2)).sum() / (yes.sum() * no.sum()))


def mse(view: LeafPredictions) -> float:
    """Return minus the weighted mean of squared errors."""
    return 0.0 - view.samples.mean((view.samples.y - view.model.values[view.numbers]) ** 2)


def r2(view: LeafPredictions) -> float:
    """Return the explained share of the variance; without variance, 1 if all are correct."""
    samples = view.samples
    variance = samples.mean((samples.y - samples.mean(samples.y)) ** 2)
    loss = -mse(view)
    return 1 - loss / variance if variance > 0 else float(loss == 0)


def gap(view: LeafPredictions) -> float:
    """Return minus the largest difference between two groups' weighted mean predictions.

    For classes this compares the rates at which the last class is predicted (demographic parity); 0
    is best, when all groups are treated equally.

    Raises:
        EvollmError: If the rows have no groups.
    """
    samples, values = view.samples, view.model.values
    if samples.groups is None:
        raise EvollmError("the objective 'gap' needs groups: give groups=...")
    if classes := view.weights.shape[1]:
        values = (values == classes - 1).astype(np.float64)
    weights = np.ones_like(samples.y) if samples.weights is None else samples.weights
    total = np.bincount(samples.groups, weights)
    sums = np.bincount(samples.groups, weights * values[view.numbers])
    means = sums[total > 0] / total[total > 0]
    return float(means.min() - means.max())


Measure: TypeAlias = Callable[[LeafPredictions], float]
CLASSIFICATION: Mapping[str, Measure] = {
    "balanced_accuracy": balanced_accuracy,
    "accuracy": accuracy,
    "log_loss": log_loss,
    "auc": auc,
}
REGRESSION: Mapping[str, Measure] = {"mse": mse, "r2": r2}
FAIRNESS: Mapping[str, Measure] = {"gap": gap}


def measures(objectives: Sequence[Objective], classes: Sequence[Label]) -> dict[str, Measure]:
    """Return the functions that measure objectives, by name.

    Args:
        objectives: At least one.
        classes: Labels by index; empty for regression.

    Raises:
        EvollmError: If there are no objectives, one is unknown or unsuitable for the task, or two
            have the same name.
    """
    if not objectives or isinstance(objectives, str):
        raise EvollmError("a tree's fitness needs a list of objectives, at least one")
    known = {**(CLASSIFICATION if classes else REGRESSION), **FAIRNESS}
    found: dict[str, Measure] = {}
    for objective in objectives:
        name, measure = _measure(objective, known, classes)
        if name in found or name in ("size", "depth"):
            raise EvollmError(f"two metrics have the name '{name}': rename one")
        found[name] = measure
    return found


def named(objective: Objective) -> str:
    """Return the name under which an objective is recorded."""
    if isinstance(objective, str):
        return objective
    return str(getattr(objective, "__name__", type(objective).__name__))


def _measure(
    objective: Objective, known: Mapping[str, Measure], classes: Sequence[Label]
) -> tuple[str, Measure]:
    if callable(objective):
        return named(objective), _users(objective, _labels(classes) if classes else None)
    if objective not in known:
        task = "classification" if classes else "regression"
        raise EvollmError(
            f"{task} has no objective '{objective}'{nearest(str(objective), known)}: choose from "
            f"{', '.join(known)}, and size and depth in addition to these"
        )
    return objective, known[objective]


def _labels(classes: Sequence[Label]) -> NDArray[Any]:
    """Return labels as an array in which numbers and strings are not converted."""
    texts = {isinstance(label, str) for label in classes}
    return np.array(classes, dtype=object if len(texts) > 1 else None)


def _users(function: Callable[..., float], labels: NDArray[Any] | None) -> Measure:
    """Convert a user's function of targets and predictions to a measure."""

    def measure(view: LeafPredictions) -> float:
        weights = view.samples.weights
        more = {} if weights is None else {"sample_weight": weights}
        truth: NDArray[Any] = view.samples.y
        predicted: NDArray[Any] = view.model.values
        if labels is not None:
            truth, predicted = labels[truth.astype(np.intp)], labels[predicted.astype(np.intp)]
        if getattr(function, "needs_probabilities", False):
            predicted = view.model.probabilities
        return float(function(truth, predicted[view.numbers], **more))

    return measure
