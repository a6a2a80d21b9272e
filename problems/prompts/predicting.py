"""Prediction with a pruned prompt: what a classifier does once it has one."""

import warnings
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from problems.lm.settings import LMSettings
from problems.prompts.classes import fields_of, plain
from problems.prompts.pruned import Pruned
from problems.prompts.readers.named import reader_of
from problems.prompts.readers.reader import Reader
from problems.prompts.saved import PrunedPrompt

UNFITTED = (
    "this %(name)s has no prompt yet: call fit(texts, labels), or use %(name)s.of(prompt) or "
    "%(name)s.load(path)"
)


class Predicting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts labels by a prompt; ``PromptClassifier`` describes parameters and attributes."""

    model: Any
    lm: LMSettings | None
    classes_: NDArray[Any]
    prompt_: PrunedPrompt
    pruned_: Pruned

    def predict(self, X: Iterable[Any]) -> NDArray[Any]:
        """Return the likeliest label of every text; of several the first."""
        scores = self._scores(X)
        found: NDArray[Any] = self.classes_[scores.argmax(axis=1)]
        return found

    def predict_proba(self, X: Iterable[Any]) -> NDArray[np.float64]:
        """Return how likely each label is for every text, among the labels: they sum to 1."""
        scores = self._scores(X)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        found: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
        return found

    def score(
        self, X: Iterable[Any], y: Iterable[Hashable], sample_weight: Sequence[float] | None = None
    ) -> float:
        """Return the share of texts whose label is predicted.

        Args:
            X: The texts, or texts by slot.
            y: The right label of each.
            sample_weight: How much each text counts; None for 1 each.
        """
        predicted, right = self.predict(X).tolist(), [plain(label) for label in y]
        hits = [one == other for one, other in zip(predicted, right, strict=True)]
        return float(np.average(hits, weights=sample_weight))

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the run, whose record is a database."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "pruned_"}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags

    def _check(self) -> None:
        check_is_fitted(self, "prompt_", msg=UNFITTED)

    def _scores(self, X: Iterable[Any]) -> NDArray[Any]:
        """Return the model's score of each label for each text."""
        self._check()
        fields = fields_of(X, self.prompt_.slots)
        if not fields:
            return np.empty((0, len(self.classes_)))
        found = self.prompt_.scores(self._reader(), fields).values
        return np.asarray(found, dtype=np.float64)

    def _reader(self) -> Reader:
        """Return who reads, with a warning where that is not who the prompt was pruned for."""
        given, reader = (self.model, self.lm), reader_of(self.model, self.lm)
        if getattr(self, "_read_by", None) != given:
            reader.prepare()
            if hint := self.prompt_.made_for_another(reader):
                warnings.warn(hint, stacklevel=4)
            self._read_by = given
        return reader
