"""The estimator is scikit-learn's in every respect that its own checks know."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator, check_regressors_train

from evollm import EvollmError
from problems.expressions import ExpressionRegressor
from tests.support_each import each

X = np.random.default_rng(0).uniform(-1, 1, (60, 2))
Y = 2 * X[:, 0] * X[:, 1] + 1
FRAME = pd.DataFrame(X, columns=["body mass", "height"])


def small(**more: Any) -> ExpressionRegressor:
    chosen = {"population_size": 12, "generations": 1, "functions": ("add", "mul")}
    return ExpressionRegressor(**{**chosen, "random_state": 0, **more})


def test_scikit_learns_checks() -> None:
    score = {"check_regressors_train": "needs a longer search, as below"}
    tiny = small(population_size=4)
    checked = check_estimator(tiny, expected_failed_checks=score, on_skip=None, on_fail=None)
    assert len(checked) > 40
    faults = {one["check_name"]: one["exception"] for one in checked if one["status"] == "failed"}
    assert faults == {}
    check_regressors_train("ExpressionRegressor", small(population_size=40, generations=3))


def test_a_formula_is_found_pickled_and_written_with_the_frames_names() -> None:
    model = small(population_size=40, generations=6).fit(FRAME, Y)
    assert model.score(FRAME, Y) == pytest.approx(1)
    assert model.formula_.text() == "1 + 2*body_mass*height"
    assert "# body_mass is the column 'body mass'" in model.formula_.python()
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(FRAME), model.predict(FRAME))
    assert not hasattr(again, "result_")
    assert len(clone(model).functions) == 2


def test_several_objectives_and_held_out_rows() -> None:
    model = small(parsimony=True, validation_fraction=0.3, generations=2).fit(X, Y)
    assert len(model.front_) >= 1
    assert len(model.result_.finals) > 3
    assert model.result_.usage.finals == len(model.result_.finals)


@each(
    ("more", "said"),
    [
        ({"functions": "add"}, "functions must be a list of names"),
        ({"functions": ("plus",)}, "there is no function 'plus'"),
        ({"settings": {"offsprings": 3}}, "no setting 'offsprings'; did you mean 'offspring'"),
        ({"validation_fraction": 1.5}, "validation_fraction must be above 0 and below 1"),
        ({"operators": "clasic"}, "operators must be one of"),
    ],
)
def test_what_can_not_be_is_refused(more: Any, said: str) -> None:
    with pytest.raises(EvollmError, match=said):
        small(**more).fit(X, Y)
