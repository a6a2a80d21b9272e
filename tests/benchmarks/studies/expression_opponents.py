"""Symbolic regression by other libraries, with the functions, numbers and limits that ours has."""

import random
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any, TypeAlias

import numpy as np
from deap import algorithms, base, creator, gp, tools
from numpy.typing import NDArray

from operators.expressions.primitives import Primitives
from problems.expressions.evaluation import columns, predict
from problems.expressions.fitness import Rows
from problems.expressions.settings import ExpressionSettings

Array: TypeAlias = NDArray[np.float64]
Found: TypeAlias = tuple[Callable[[Array], Array], int, int]
"""What predicts, the number of evaluations, and the size of the expression."""
_LARGE = 100.0


def by_deap(rows: Rows, settings: ExpressionSettings, evaluations: int, seed: int) -> Found:
    """Run ``eaSimple`` with the operators of DEAP's own example, until the evaluations are spent.

    Predictions are computed by ``gp.compile`` for all rows at once; an error that is not finite is
    infinite. The last generation may be one population over the budget.
    """
    random.seed(seed)
    names = tuple(f"x{i + 1}" for i in range(rows.X.shape[1]))
    primitives = Primitives(names, settings.names, settings.constants)
    count = 0

    def error(tree: Any) -> tuple[float]:
        nonlocal count
        count += 1
        return (deap_error(tree, primitives.pset, rows),)

    toolbox = _toolbox(primitives.pset, settings)
    toolbox.register("evaluate", error)
    population, best = toolbox.population(n=settings.population), tools.HallOfFame(1)
    while count < evaluations:
        population, _ = algorithms.eaSimple(
            population, toolbox, 0.5, 0.1, 1, halloffame=best, verbose=False
        )
    nodes = primitives.form.to_genome(gp.PrimitiveTree(best[0])).nodes
    return lambda X: predict(nodes, columns(X, names), len(X)), count, len(nodes)


def deap_error(tree: Any, pset: Any, rows: Rows) -> float:
    """Return the mean squared error of a tree as DEAP compiles it."""
    function = gp.compile(tree, pset)
    with np.errstate(all="ignore"):
        rest = rows.y - function(*rows.X.T)
        error = float(np.mean(rest * rest))
    return error if np.isfinite(error) else np.inf


def _toolbox(pset: Any, settings: ExpressionSettings) -> Any:
    if not hasattr(creator, "LeastError"):
        creator.create("LeastError", base.Fitness, weights=(-1.0,))
        creator.create("ErrorTree", gp.PrimitiveTree, fitness=creator.LeastError)
    toolbox = base.Toolbox()
    toolbox.register("expr", gp.genHalfAndHalf, pset=pset, min_=1, max_=4)
    toolbox.register("individual", tools.initIterate, creator.ErrorTree, toolbox.expr)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("mate", gp.cxOnePoint)
    toolbox.register("expr_mut", gp.genFull, min_=0, max_=2)
    toolbox.register("mutate", gp.mutUniform, expr=toolbox.expr_mut, pset=pset)
    for name in ("mate", "mutate"):
        toolbox.decorate(name, gp.staticLimit(attrgetter("height"), settings.max_height))
        toolbox.decorate(name, gp.staticLimit(len, settings.max_size))
    return toolbox


def by_gplearn(rows: Rows, settings: ExpressionSettings, evaluations: int, seed: int) -> Found:
    """Run gplearn's ``SymbolicRegressor``; its functions are protected, its size is free.

    All but population, generations, tournament, functions, numbers, depth of the first expressions,
    metric (mean squared error) and penalty for size (none, which is fairer to it for targets of
    small variance) are its defaults.
    """
    from gplearn.functions import make_function
    from gplearn.genetic import SymbolicRegressor

    own = {"exp": make_function(function=_exp, name="exp", arity=1, wrap=False)}
    reach = settings.constants
    model = SymbolicRegressor(
        population_size=settings.population,
        generations=evaluations // settings.population,
        tournament_size=3,
        function_set=[own.get(name, name) for name in settings.names],
        const_range=(-reach, reach),
        init_depth=(1, 4),
        metric="mse",
        parsimony_coefficient=0.0,
        random_state=seed,
    )
    with np.errstate(all="ignore"):
        model.fit(rows.X, rows.y)
    count = sum(one is not None for generation in model._programs for one in generation or ())
    size = model._program.length_
    return partial(_predicted, model), max(count, evaluations), size


def _predicted(model: Any, X: Array) -> Array:
    with np.errstate(all="ignore"):
        found: Array = model._program.execute(X)
    return found


def _exp(x: Array) -> Array:
    return np.exp(np.minimum(x, _LARGE))
