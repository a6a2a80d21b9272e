"""Formulas in other forms: Python that runs, LaTeX and text that say the same."""

import numpy as np

from operators.expressions.functions import FUNCTIONS
from operators.expressions.primitives import Primitives
from operators.expressions.reading import read
from operators.expressions.variation import random_expressions
from problems.expressions.formula import Formula
from tests.support_each import each

PRIMITIVES = Primitives(("x", "y_2"), tuple(FUNCTIONS))
X = np.random.default_rng(1).uniform(0.5, 2, (6, 2))


def formula(text, scale=(0.0, 1.0), names=()):
    return Formula(read(text, PRIMITIVES), PRIMITIVES.variables, scale, names)


def test_python_and_text_compute_the_same():
    compared = 0
    for genome in random_expressions(PRIMITIVES).vary([], 60, seed=3).genomes:
        one = Formula(genome, PRIMITIVES.variables, (0.5, -2.0))
        wanted = one.predict(X)
        if not np.isfinite(wanted).all():
            continue
        compared += 1
        code: dict = {}
        exec(one.python(), code)  # our own code, made of a genome that was not written by a model
        assert np.allclose([code["predict"](*row) for row in X.tolist()], wanted), one.python()
        again = Formula(read(one.text(None), PRIMITIVES), PRIMITIVES.variables)
        assert np.allclose(again.predict(X), wanted), one.text(None)
    assert compared > 30


@each(
    ("text", "latex"),
    [
        ("x^2/(y_2 + 1)", r"\frac{{x}^{2}}{\mathrm{y\_2} + 1}"),
        ("2.5*sin(x)*x", r"2.5 \cdot \sin\left(x\right) \cdot x"),
        ("sin(sqrt(x) - 1e-12)", r"\sin\left(\sqrt{x} - 1 \cdot 10^{-12}\right)"),
        ("(x + 1)^3", r"{\left(x + 1\right)}^{3}"),
        ("-(x*x)", r"-\left(x \cdot x\right)"),
    ],
)
def test_latex(text, latex):
    assert formula(text).latex() == latex


@each(
    ("text", "scale", "whole"),
    [
        ("x*(2 + 3)", (1.0, 2.0), "1 + 10*x"),
        ("x", (1.0, 0.0), "1"),
        ("x", (0.0, 1.0), "x"),
        ("3 - x*y_2/2", (1.0, 2.0), "7 - x*y_2"),
        ("-(x - 1)/4", (0.0, 4.0), "1 - x"),
        ("log(1 - 2) + x", (0.0, 1.0), "log(-1) + x"),
        ("2*3", (1.0, 2.0), "13"),
        ("1/x", (0.5, 4.0), "0.5 + 4/x"),
    ],
)
def test_outer_numbers_are_joined_with_the_scale(text, scale, whole):
    assert formula(text, scale).text() == whole


def test_predictions_that_are_not_defined_are_nan():
    found = formula("log(x)").predict([[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert np.array_equal(found, [np.nan, 0.0, np.nan], equal_nan=True)


def test_python_names_the_columns():
    code = formula("x + y_2", names=('body """\nimport os', "y_2")).python()
    assert '# x is the column \'body """\\nimport os\'\ndef predict(x, y_2):' in code
