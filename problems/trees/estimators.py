"""LLEGO as scikit-learn's estimators: trees evolved by a language model, with fit and predict."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from evollm.errors import EvollmError
from problems.trees.data.categories import kinds_of
from problems.trees.evolving import Evolving, checked_weights


class LLEGOClassifier(ClassifierMixin, Evolving):  # type: ignore[misc]
    """A small decision tree for classes, evolved by a language model.

    Columns may lack values, as in scikit-learn's trees; columns of pandas' ``category`` type are
    split by sets of categories, other text is refused. Categories are compared by value, 1 equals
    1.0 and never '1'; one that ``fit`` did not see counts as missing. What raises ``EvollmError``
    says in one sentence what to change.

    Args:
        model: Who varies, or its name; None for what the environment names, or the small offline
            model.
        max_depth: Most splits on a path; None for no bound but that of all trees that are grown, 64
            splits on a path and 2,047 nodes.
        population_size: Trees that live.
        generations: How often they are bred, twice the population each time.
        operators: ``llego``; ``mix`` with classical operators for half of the children;
            ``rewriting`` of one subtree by the model; ``classical`` alone; or ``random`` search.
        settings: Further fields of ``problems.trees.llego.LLEGOSettings``, by name.
        objectives: Names (``balanced_accuracy``, ``accuracy``, ``log_loss``, ``auc``; for numbers
            ``mse``, ``r2``; ``gap`` between groups) or functions ``f(y_true, y_pred)``, larger is
            better. With several, and with ``size`` or ``depth`` among them, the search is for a
            Pareto front, ``front_``; the first one chooses the tree.
        refit_leaves: Whether leaves say what the training rows say.
        leaves: What they say: ``objective`` for what the first objective rewards, or ``majority``
            for the heaviest class. They differ for ``balanced_accuracy``, the default, under which
            all classes weigh the same in total, as with ``class_weight="balanced"``.
        task: What is to be predicted, in words, for the model.
        features: What columns mean, by name or number, for the model; without it their names serve.
        groups: Column, by name or number, whose values are the groups that ``gap`` compares.
        validation_fraction: Part of the rows that is kept from the search and chooses the tree;
            None to choose on the training rows.
        budget: What ends the search; None for the generations.
        executor: Where trees are scored; by default here.
        path: The run directory, of one fit: the same fit goes on there, and another is refused, as
            in a grid search; None for a temporary record.
        random_state: The only source of randomness except the model.

    Attributes:
        classes_: The labels.
        tree_: The tree, see ``operators.trees.genome``, without splits between leaves that say the
            same.
        columns_: What it asks about, for ``problems.trees.present.export``.
        fitted_: The tree with its leaves' probabilities.
        best_: The individual that it was, with its metrics.
        front_: With several objectives, the living individuals that nothing dominates.
        result_: The run: usage, record, ``dataframe()``; a pickle leaves it out.
    """

    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Evolve a tree.

        Args:
            X: Shape ``(rows, columns)``: an array, or a pandas frame.
            y: One label per row.
            sample_weight: How much each row counts, 0 or more; None for 1 each.
        """
        X, y = self.rows(X, y)
        if y.dtype == object and {"numbers", "texts"} <= kinds_of(y):
            raise EvollmError("y holds texts beside numbers, and 1 is not '1': make it one kind")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = checked_weights(sample_weight, X)
        if len(np.unique(codes if weights is None else codes[weights > 0])) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of two classes or more; there is one class only"
            )
        return self.evolve(X, codes.astype(np.float64), weights, self.classes_.tolist())

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the likeliest label of every row."""
        check_is_fitted(self)
        found: NDArray[Any] = self.classes_[self.fitted_.predict(self.rows(X)).astype(np.intp)]
        return found

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the share of every label among the training rows of each row's leaf.

        Under balanced leaves (see ``leaves``) rows count as if all labels had the same total
        weight, so the likeliest label is the one that ``predict`` returns, and shares are not
        frequencies; ``leaves="majority"`` gives frequencies.
        """
        check_is_fitted(self)
        return self.fitted_.predict_proba(self.rows(X))


class LLEGORegressor(RegressorMixin, Evolving):  # type: ignore[misc]
    """A small decision tree for numbers, evolved by a language model; see ``LLEGOClassifier``.

    The default objective is ``mse``, minus the mean squared error.
    """

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Evolve a tree; see ``LLEGOClassifier.fit``."""
        X, y = self.rows(X, y)
        weights = checked_weights(sample_weight, X)
        return self.evolve(X, np.asarray(y, dtype=np.float64), weights, [])

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the weighted mean of the training rows of each row's leaf."""
        check_is_fitted(self)
        return self.fitted_.predict(self.rows(X))
