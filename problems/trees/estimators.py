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

    Columns may have missing values, as in scikit-learn's trees; columns of pandas' ``category``
    type are split by sets of categories, other text is rejected. Categories are compared by value:
    1 equals 1.0, but not '1'. A category that was not seen in ``fit`` counts as missing. An
    ``EvollmError`` says how to fix the problem.

    Args:
        model: The language model or its name; None for the one named in the environment, or the
            small offline model.
        adapter: What the offline model was taught: ``"default"`` for the adapter of the package,
            which sets ``hints``, ``semantics`` and ``spare``; the GGUF file or the folder of one
            that ``evollm tune trees`` wrote; or None.
        max_depth: Maximum number of splits on a path; None for the limits of all trees, 64 splits
            on a path and 2,047 nodes.
        population_size: Number of trees in the population.
        generations: Number of generations, each with twice as many children as the population.
        operators: ``llego``; ``mix`` with classical operators for half of the children;
            ``rewriting`` of one subtree by the model; only ``classical`` ones; or ``random``
            search.
        settings: Additional fields of ``problems.trees.llego.LLEGOSettings``, by name.
        objectives: Names (``balanced_accuracy``, ``accuracy``, ``log_loss``, ``auc``; for numbers
            ``mse``, ``r2``; ``gap`` between groups) or functions ``f(y_true, y_pred)``, larger is
            better. With several, and with ``size`` or ``depth`` among them, the search is for a
            Pareto front, ``front_``; the first one determines the tree.
        refit_leaves: Whether leaves are fitted to the training rows.
        leaves: What fitted leaves predict: ``objective`` for the class that the first objective
            rewards, or ``majority`` for the class with the largest weight. They differ for
            ``balanced_accuracy``, the default, under which all classes have the same total weight,
            as with ``class_weight="balanced"``.
        task: Description of the task for the model.
        features: Descriptions of columns for the model, by name or index; without them their names
            are used.
        groups: Column, by name or index, whose values are the groups that ``gap`` compares.
        validation_fraction: Share of the rows that is held out of the search to choose the tree;
            None to choose it on the training rows.
        budget: What ends the search; None for ``generations``.
        executor: Where trees are scored; by default in this thread.
        path: The run directory of a single fit: repeating the fit continues it, and a different one
            (as in a grid search) is rejected; None for a temporary record.
        random_state: The only source of randomness except the model.

    Attributes:
        classes_: The labels of the classes.
        tree_: The tree (see ``operators.trees.genome``), without splits between equal leaves.
        columns_: Its columns, for ``problems.trees.present.export``.
        fitted_: The tree with its leaves' probabilities.
        best_: Its individual, with the metrics.
        front_: With several objectives, the individuals of the population that are not dominated.
        result_: The run: usage, record, ``dataframe()``; it is not pickled.
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
            raise EvollmError(
                "y contains both strings and numbers, and 1 is not '1': convert it to one type"
            )
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = checked_weights(sample_weight, X)
        if len(np.unique(codes if weights is None else codes[weights > 0])) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes, not of one class only"
            )
        return self.evolve(X, codes.astype(np.float64), weights, self.classes_.tolist())

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of every row."""
        check_is_fitted(self)
        found: NDArray[Any] = self.classes_[self.fitted_.predict(self.rows(X)).astype(np.intp)]
        return found

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the share of every label among the training rows of each row's leaf.

        With balanced leaves (see ``leaves``), rows are weighted as if all labels had the same total
        weight, so that the most probable label is the one that ``predict`` returns, and shares are
        not frequencies; ``leaves="majority"`` gives frequencies.
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
