"""Symbolic regression: formulas for numbers, evolved by DEAP's operators, a model, or both."""

from typing import TYPE_CHECKING, Any

from problems.expressions.settings import ExpressionSettings

if TYPE_CHECKING:
    from problems.expressions.benchmarks import BENCHMARKS, benchmark
    from problems.expressions.estimator import ExpressionRegressor
    from problems.expressions.fitness import ExpressionFitness, Rows
    from problems.expressions.formula import Formula
    from problems.expressions.system import SymbolicRegression

__all__ = [
    "BENCHMARKS",
    "ExpressionFitness",
    "ExpressionRegressor",
    "ExpressionSettings",
    "Formula",
    "Rows",
    "SymbolicRegression",
    "benchmark",
]
_HOMES = {
    "BENCHMARKS": "benchmarks",
    "ExpressionFitness": "fitness",
    "ExpressionRegressor": "estimator",
    "Formula": "formula",
    "Rows": "fitness",
    "SymbolicRegression": "system",
    "benchmark": "benchmarks",
}


def __getattr__(name: str) -> Any:
    """Load parts on demand, because importing DEAP and scikit-learn is slow."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f"problems.expressions.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
