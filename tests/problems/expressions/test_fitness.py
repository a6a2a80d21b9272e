"""The fitness of expressions: against DEAP's own evaluation and least squares, and its failures."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from deap import gp

from evollm import EvollmError
from evollm.testing import ProblemKit
from operators.expressions.functions import FUNCTIONS
from operators.expressions.primitives import Primitives
from operators.expressions.reading import read
from operators.expressions.variation import random_expressions
from problems.expressions.fitness import ExpressionFitness, Rows
from tests.support_each import checks, each

PRIMITIVES = Primitives(("x", "y"), tuple(FUNCTIONS))
X = np.random.default_rng(0).uniform(-2, 2, (40, 2))
ROWS = Rows.of(X, X[:, 0] ** 2 + X[:, 1])
PROBLEM = ExpressionFitness(PRIMITIVES, ROWS)
RANDOM = random_expressions(PRIMITIVES).vary([], 150, seed=5).genomes


def scored(text, problem=PROBLEM):
    [outcome] = problem.evaluate([read(text, PRIMITIVES)], None, 0)
    return outcome


@each("check", checks(ProblemKit))
def test_conformance(check: Callable[..., None], tmp_path: Path) -> None:
    check((PROBLEM, RANDOM[:12], None), tmp_path)


@each("scaling", [False, True])
def test_scores_are_those_of_deaps_evaluation_and_least_squares(scaling):
    problem = ExpressionFitness(PRIMITIVES, ROWS, scaling)
    finite = 0
    for genome, outcome in zip(RANDOM, problem.evaluate(RANDOM, None, 0), strict=True):
        tree = PRIMITIVES.form.from_genome(genome)
        with np.errstate(all="ignore"):
            values = gp.compile(tree, PRIMITIVES.pset)(*X.T) + np.zeros(len(X))
        if not np.isfinite(values).all():
            assert (outcome.fitness, outcome.error is None) == (-inf, False), genome
            continue
        finite += 1
        if scaling:
            table = np.column_stack([np.ones(len(X)), values])
            values = table @ np.linalg.lstsq(table, ROWS.y, rcond=None)[0]
        nrmse = np.sqrt(np.mean((ROWS.y - values) ** 2)) / ROWS.y.std()
        assert -outcome.fitness == pytest.approx(nrmse, rel=1e-6, abs=1e-9), genome
        assert outcome.metrics["r2"] == pytest.approx(1 - nrmse**2, rel=1e-6, abs=1e-9)
        assert outcome.metrics["size"] == len(tree)
        assert outcome.metrics["height"] == tree.height
    assert finite > 80


@each(
    ("text", "error"),
    [
        ("log(x) + y", "the value of log is not finite"),
        ("sqrt(log(x*x) - 9)", "the value of sqrt is not finite"),
        ("x/(y - y)", "the value of div is not finite"),
        ("exp(exp(exp(3 + x*x)))", "the value of exp is not finite"),
        ("(1e+200 + x)*1e+100*x", "the values are too large"),
        ("2/(1 - 1)", "the value of div is not finite"),
    ],
)
def test_a_value_that_is_not_finite_is_a_failure_with_its_cause(text, error):
    assert (scored(text).fitness, scored(text).error) == (-inf, error)


def test_an_infinite_value_within_is_no_failure():
    assert scored("inv(inv(x - x) + 1) + x^2 + y").error is None


def test_a_constant_predicts_the_mean():
    assert scored("2.5").fitness == pytest.approx(-1)
    assert scored("x - x + 1").fitness == pytest.approx(-1)
    assert scored("2.5").info["scale"] == [pytest.approx(ROWS.y.mean()), 0.0]
    flat = ExpressionFitness(PRIMITIVES, Rows.of(X, np.ones(len(X))))
    assert scored("x", flat).metrics["r2"] == 1


def test_held_rows_are_scored_with_the_scale_of_the_training_rows():
    held = Rows.of(X[:5] + 1, 3 * ((X[:5, 0] + 1) ** 2 + X[:5, 1] + 1))
    problem = ExpressionFitness(PRIMITIVES, ROWS, held=held, part="test_")
    outcome = scored("2*(x^2 + y)", problem)
    assert outcome.info["scale"] == pytest.approx([0, 0.5])
    wanted = np.sqrt(np.mean((held.y / 3 * 2) ** 2)) / held.y.std()
    assert -outcome.metrics["test_nrmse"] == pytest.approx(wanted)
    assert -outcome.fitness == pytest.approx(wanted)
    assert outcome.metrics["test_r2"] == pytest.approx(1 - wanted**2)
    gap = scored("log(1.9 - x) + log(x + 2)", replace(problem, train=Rows.of(X[:1] * 0, [1.0])))
    assert gap.error == "the held-out rows: the value of log is not finite"


def test_rows_that_can_not_be_used_are_refused():
    with pytest.raises(EvollmError, match="must be finite"):
        Rows.of([[1.0], [np.nan]], [1, 2])
    with pytest.raises(EvollmError, match="not shapes"):
        Rows.of([1.0, 2.0], [1, 2])
    with pytest.raises(EvollmError, match="must be numbers"):
        Rows.of([["a"]], [1])
