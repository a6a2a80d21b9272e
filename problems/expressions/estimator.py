"""Symbolic regression as a scikit-learn estimator, with fit and predict."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from numbers import Real
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from evollm import Budget, EvollmError, Individual, Result
from evollm.checks import nearest
from evollm.executors.base import Executor
from evollm.llm.base import LanguageModel
from problems.expressions.fitness import Rows
from problems.expressions.formula import Formula
from problems.expressions.settings import FUNCTIONS, ExpressionSettings, Operators
from problems.expressions.system import SymbolicRegression


class ExpressionRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A formula for a number, found by genetic programming, a language model, or both.

    Args:
        model: The language model or its name, for ``operators="model"`` and ``"mix"``; None for the
            one named in the environment, or the small offline model.
        operators: What makes expressions: ``classical`` for DEAP's operators; ``model`` for the
            model; ``mix`` for both, in shares that follow their success; ``random`` for random
            search.
        population_size: Number of expressions in the population.
        generations: Number of generations.
        functions: Names of the functions in expressions; see
            ``operators.expressions.functions.FUNCTIONS``.
        max_height: Maximum number of functions on a path.
        max_size: Maximum number of functions, variables and numbers.
        scaling: Whether predictions are scaled by least squares: ``a + b * expression``.
        parsimony: Whether the search is for a Pareto front of error and size, ``front_``.
        settings: Additional fields of ``ExpressionSettings``, by name.
        task: Description of what is predicted, for the model.
        validation_fraction: Share of the rows that is held out of the search to choose the
            expression; None to choose it on the training rows.
        budget: What ends the search; None for ``generations``.
        executor: Where expressions are scored; by default in this thread.
        path: The run directory of a single fit: repeating the fit continues it, and a different one
            (as in a grid search) is rejected; None for a temporary record.
        random_state: The only source of randomness except the model.

    Attributes:
        formula_: The formula; ``formula_.text()``, ``.python()`` and ``.latex()`` write it.
        expression_: Its expression, without the scale.
        best_: Its individual, with the metrics.
        front_: With ``parsimony``, the individuals that are not dominated in error and size.
        result_: The run: usage, record, ``dataframe()``; it is not pickled.
    """

    def __init__(
        self,
        model: LanguageModel | str | None = None,
        *,
        operators: Operators = "classical",
        population_size: int = 100,
        generations: int = 50,
        functions: Sequence[str] = tuple(FUNCTIONS.split(",")),
        max_height: int = 8,
        max_size: int = 40,
        scaling: bool = True,
        parsimony: bool = False,
        settings: Mapping[str, Any] | None = None,
        task: str = "",
        validation_fraction: float | None = None,
        budget: Budget | None = None,
        executor: Executor | None = None,
        path: str | Path | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.operators = operators
        self.population_size = population_size
        self.generations = generations
        self.functions = functions
        self.max_height = max_height
        self.max_size = max_size
        self.scaling = scaling
        self.parsimony = parsimony
        self.settings = settings
        self.task = task
        self.validation_fraction = validation_fraction
        self.budget = budget
        self.executor = executor
        self.path = path
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Search for a formula.

        Args:
            X: Shape ``(rows, columns)``: an array, or a pandas frame; without missing values.
            y: One number per row.

        Raises:
            EvollmError: If a setting is invalid, or no expression could be evaluated.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        rng = np.random.RandomState(self._seed())
        search = self._search(X, np.asarray(y, dtype=np.float64), rng)
        self.result_: Result[Any] = search.run(
            self.budget or Budget(generations=self.generations),
            seed=int(rng.randint(2**31)),
            executor=self.executor,
            path=self.path,
        )
        self.best_: Individual[Any] = search.choose(self.result_)
        self.formula_: Formula = search.formula(self.best_)
        self.expression_ = self.formula_.genome
        if self.parsimony:
            self.front_ = search.front(self.result_)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the formula's value for every row; NaN where it is not defined."""
        check_is_fitted(self)
        return self.formula_.predict(validate_data(self, X, dtype=np.float64, reset=False))

    def _search(
        self, X: NDArray[np.float64], y: NDArray[np.float64], rng: np.random.RandomState
    ) -> SymbolicRegression:
        model = self.model
        if isinstance(model, str):
            from evollm.llm.connect import connect

            model = connect(model)
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        train, valid = self._parts(len(y), rng)
        return SymbolicRegression.of(
            X[train],
            y[train],
            self._settings(),
            names=names,
            model=model,
            task=self.task,
            valid=Rows.of(X[valid], y[valid]) if len(valid) else None,
        )

    def _settings(self) -> ExpressionSettings:
        if isinstance(self.functions, str):
            raise EvollmError(f"functions must be a list of names, not {self.functions!r}")
        chosen = {
            "operators": self.operators,
            "population": self.population_size,
            "functions": ",".join(self.functions),
            "max_height": self.max_height,
            "max_size": self.max_size,
            "scaling": self.scaling,
            "parsimony": self.parsimony,
            **(self.settings or {}),
        }
        known = [item.name for item in fields(ExpressionSettings)]
        for name in chosen:
            if name not in known:
                raise EvollmError(f"there is no setting '{name}'{nearest(name, known)}")
        return ExpressionSettings(**chosen)

    def _parts(
        self, count: int, rng: np.random.RandomState
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the indices of the training rows and of the validation rows."""
        share = self.validation_fraction
        if share is None:
            return np.arange(count), np.arange(0)
        if not isinstance(share, Real) or not 0 < share < 1:
            raise EvollmError(f"validation_fraction must be above 0 and below 1, not {share!r}")
        held = min(max(1, round(share * count)), count - 1)
        order = rng.permutation(count)
        return np.sort(order[held:]), np.sort(order[:held])

    def _seed(self) -> int:
        state = self.random_state
        if isinstance(state, np.random.RandomState):
            return int(state.randint(2**31))
        return int(np.random.SeedSequence().generate_state(1)[0]) if state is None else int(state)

    def __getstate__(self) -> dict[str, Any]:
        """Omit the run, whose record is a database."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "result_"}
