"""The common part of the estimators for trees: the search in ``fit``, and checks of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from numbers import Real
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from evollm import Budget, EvollmError, Individual, Result
from evollm.checks import nearest
from evollm.executors.base import Executor
from evollm.llm.base import LanguageModel
from operators.trees.columns import Columns
from operators.trees.genome import merged
from problems.trees.data.categories import Coder
from problems.trees.data.samples import Samples
from problems.trees.llego import SHARES, LLEGOSettings
from problems.trees.model.fitness import LeafRule, TreeFitness
from problems.trees.model.fitted import Fitted
from problems.trees.model.objectives import Objective, named
from problems.trees.system import LLEGO
from problems.trees.taught.adapters import NONE, taught

Operators = Literal["llego", "mix", "rewriting", "classical", "random"]


class Evolving(BaseEstimator):  # type: ignore[misc]
    """Runs a search for trees in ``fit``; see ``LLEGOClassifier`` for the parameters."""

    def __init__(
        self,
        model: LanguageModel | str | None = None,
        *,
        adapter: str | Path | None = None,
        max_depth: int | None = 3,
        population_size: int = 25,
        generations: int = 25,
        operators: Operators = "llego",
        settings: Mapping[str, Any] | None = None,
        objectives: Sequence[Objective] | None = None,
        refit_leaves: bool = True,
        leaves: LeafRule = "objective",
        task: str = "",
        features: Mapping[str, str] | None = None,
        groups: str | int | None = None,
        validation_fraction: float | None = None,
        budget: Budget | None = None,
        executor: Executor | None = None,
        path: str | Path | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.adapter = adapter
        self.max_depth = max_depth
        self.population_size = population_size
        self.generations = generations
        self.operators = operators
        self.settings = settings
        self.objectives = objectives
        self.refit_leaves = refit_leaves
        self.leaves = leaves
        self.task = task
        self.features = features
        self.groups = groups
        self.validation_fraction = validation_fraction
        self.budget = budget
        self.executor = executor
        self.path = path
        self.random_state = random_state

    _coder: Coder
    columns_: Columns
    fitted_: Fitted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def evolve(
        self, X: Any, y: NDArray[Any], weights: NDArray[Any] | None, classes: Sequence[Any]
    ) -> Self:
        """Run the search on checked rows, and store the results.

        Args:
            X: Shape ``(rows, columns)``.
            y: Indices of classes, or numbers.
            weights: One per row; None for 1 each.
            classes: Labels by index; empty for regression.
        """
        rng = np.random.RandomState(self._seed())
        names = getattr(self, "feature_names_in_", None)
        labels = [f"x{i + 1}" for i in range(X.shape[1])]
        labels = labels if names is None else [str(name) for name in names]
        categories = {labels[place]: values for place, values in self._coder.labels.items()}
        self.columns_ = Columns.of(X, labels, y=y, classes=classes, categories=categories)
        described = {
            labels[self._coder.place(key, labels, "features")]: words
            for key, words in (self.features or {}).items()
        }
        parts = self._parts(y, classes, rng)
        samples = [
            self._samples(X[rows], y[rows], None if weights is None else weights[rows], labels)
            for rows in parts
        ]
        valid = samples[1] if len(samples) > 1 else None
        problem = TreeFitness(
            self.columns_,
            samples[0],
            valid,
            self._objectives(bool(classes)),
            self.refit_leaves,
            self.leaves,
        )
        search = self._search(problem, described)
        self.result_: Result[Any] = search.run(
            self.budget or Budget(generations=self.generations),
            seed=int(rng.randint(2**31)),
            executor=self.executor,
            path=self.path,
        )
        self.best_: Individual[Any] = search.choose(self.result_)
        self.fitted_ = search.fitted(self.best_)
        self.tree_ = merged(self.fitted_.tree)
        if search.objectives:
            self.front_ = search.front(self.result_)
        return self

    def _search(self, problem: TreeFitness, described: Mapping[str, str]) -> LLEGO:
        if self.operators not in SHARES:
            raise EvollmError(
                f"operators must be one of {', '.join(SHARES)}, not {self.operators!r}"
            )
        chosen = {
            "population": self.population_size,
            "max_depth": self.max_depth,
            **SHARES[self.operators],
            **(self.settings or {}),
        }
        names = [named(one) for one in self._named_objectives()]
        known = [item.name for item in fields(LLEGOSettings)]
        for name in chosen:
            if name not in known:
                raise EvollmError(f"there is no setting '{name}'{nearest(name, known)}")
        settings, model = self._taught(LLEGOSettings(**chosen))
        return LLEGO(
            problem,
            settings,
            model,
            self.task,
            dict(described),
            tuple(names) if len(names) > 1 else (),
        )

    def _taught(self, settings: LLEGOSettings) -> tuple[LLEGOSettings, LanguageModel | None]:
        """Return the settings for the model, and the model with its adapter."""
        from evollm.llm.connect import connect

        model, adapter = self.model, None if self.adapter == NONE else self.adapter
        if adapter is not None and not settings.asks:
            raise EvollmError("these operators and settings ask no model: leave adapter out")
        if adapter is not None and (self.task or self.features):
            raise EvollmError(
                "an adapter for trees shows no descriptions: leave task and features out"
            )
        if isinstance(model, str) or (model is None and adapter is not None):
            model = connect(model)
        return taught(settings, model, adapter)

    def _named_objectives(self) -> Sequence[Objective]:
        if isinstance(self.objectives, str):
            raise EvollmError(f"objectives must be a list of names: give [{self.objectives!r}]")
        return self.objectives or ()

    def _objectives(self, classifies: bool) -> tuple[Objective, ...]:
        """Return the objectives to measure, without sizes, which every tree has."""
        default = "balanced_accuracy" if classifies else "mse"
        chosen = self._named_objectives()
        found = tuple(one for one in chosen if one not in ("size", "depth"))
        if chosen and not found:
            raise EvollmError(
                f"objectives={list(chosen)} do not measure predictions: begin with one that does, "
                f"as in {[default, *chosen]}"
            )
        return found or (default,)

    def _samples(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        weights: NDArray[Any] | None,
        names: list[str],
    ) -> Samples:
        groups = None
        if self.groups is not None:
            groups = X[:, self._coder.place(self.groups, names, "groups")]
        return Samples.of(X, y, weights, groups)

    def _parts(
        self, y: NDArray[Any], classes: Sequence[Any], rng: np.random.RandomState
    ) -> list[NDArray[np.intp]]:
        """Return the indices of the training rows, and of the validation rows if any."""
        if self.validation_fraction is None:
            return [np.arange(len(y))]
        share = self.validation_fraction
        if not isinstance(share, Real) or not 0 < share < 1:
            raise EvollmError(f"validation_fraction must be above 0 and below 1, not {share!r}")
        if lone := [label for code, label in enumerate(classes) if (y == code).sum() == 1]:
            raise EvollmError(
                "validation_fraction needs at least two rows of every class, but there is only one "
                f"of {', '.join(map(repr, lone))}: add rows, or omit validation_fraction"
            )
        from sklearn.model_selection import train_test_split

        try:
            parts = train_test_split(
                np.arange(len(y)),
                test_size=self.validation_fraction,
                stratify=y if len(classes) else None,
                random_state=rng.randint(2**31),
            )
        except ValueError as error:
            raise EvollmError(f"validation_fraction={self.validation_fraction}: {error}") from None
        return [np.sort(part) for part in parts]

    def _seed(self) -> int:
        state = self.random_state
        if isinstance(state, np.random.RandomState):
            return int(state.randint(2**31))
        return int(np.random.SeedSequence().generate_state(1)[0]) if state is None else int(state)

    def rows(self, X: Any, *y: Any) -> Any:
        """Check rows as scikit-learn does, and convert categories of a pandas frame to codes.

        With targets, that is in ``fit``, the columns are learned.
        """
        if y:
            self._coder = Coder.of(X)
        options = {"dtype": np.float64, "ensure_all_finite": "allow-nan", "reset": bool(y)}
        return validate_data(self, self._coder.coded(X), *y, **options)

    def __getstate__(self) -> dict[str, Any]:
        """Omit the run, whose record is a database."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "result_"}

    def apply(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the index of every row's leaf, from the left."""
        check_is_fitted(self)
        return self.fitted_.apply(self.rows(X))

    def export_text(self, decimals: int | None = None) -> str:
        """Return the tree as rules, in the form of scikit-learn's ``export_text``.

        Args:
            decimals: Decimals of numbers; None for as many as needed to predict exactly as the tree
                does.
        """
        from problems.trees.present.export import to_rules

        check_is_fitted(self)
        return to_rules(self.tree_, self.columns_, decimals)


def checked_weights(sample_weight: ArrayLike | None, X: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return weights as numbers, one per row, or None.

    Raises:
        ValueError: If there are too few or too many.
    """
    if sample_weight is None:
        return None
    if np.min(np.asarray(sample_weight, dtype=np.float64), initial=0.0) < 0:
        raise ValueError("sample_weight must be at least 0, but some weights are negative")
    checked: NDArray[np.float64] = _check_sample_weight(sample_weight, X, dtype=np.float64)
    return checked
