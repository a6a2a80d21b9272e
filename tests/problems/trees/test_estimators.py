"""The estimators are scikit-learn's in every respect that its own checks know."""

import pickle
from collections.abc import Mapping
from inspect import signature
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from evollm import Budget, EvollmError
from evollm.executors.base import Serial, Threads
from evollm.executors.cluster import Ray
from evollm.executors.processes import Processes
from evollm.llm.base import Prompt, Sampling
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.settings import Settings
from evollm.llm.offline.model import offline
from evollm.llm.scripted import Scripted
from evollm.store import rows
from problems.trees.estimators import LLEGOClassifier, LLEGORegressor
from problems.trees.present.export import from_json, to_json
from tests.support_each import each


class Copying:
    """Answers with one of the trees in the prompt; its name is the same in every process."""

    def __repr__(self) -> str:
        return "copying"

    def __call__(self, prompt: Prompt, sample: int, sampling: Sampling) -> str:
        assert isinstance(prompt, str)
        lines = [line for line in prompt.splitlines() if "<" in line and not line.startswith("Dec")]
        if not lines:  # the first trees are lone leaves
            return f"({prompt.partition(':')[0]}<0 0 0)"
        line = lines[(sample + int(sampling.seed or 0)) % len(lines)]
        return line[line.index("(") :]


copying = Copying()


def small(kind: Any, **more: Any) -> Any:
    chosen = {"population_size": 4, "generations": 1, "random_state": 0, "settings": {"arity": 2}}
    return kind(Scripted(copying), **{**chosen, **more})


@each("kind", [LLEGOClassifier, LLEGORegressor])
def test_scikit_learns_checks(kind: Any) -> None:
    checked = check_estimator(small(kind), on_skip=None, on_fail=None)
    assert len(checked) > 50
    faults = {one["check_name"]: one["exception"] for one in checked if one["status"] == "failed"}
    assert faults == {}


def test_labels_frames_and_words() -> None:
    iris = load_iris(as_frame=True)
    labels = iris.target_names[iris.target]
    model = small(LLEGOClassifier, operators="classical", generations=8, population_size=20)
    model.fit(iris.data, labels)
    assert list(model.classes_) == list(iris.target_names)
    assert list(model.feature_names_in_) == list(iris.data.columns)
    assert balanced_accuracy_score(labels, model.predict(iris.data)) > 0.95
    assert model.score(iris.data, labels) > 0.95
    shares = model.predict_proba(iris.data)
    assert np.allclose(shares.sum(axis=1), 1)
    assert (model.classes_[shares.argmax(axis=1)] == model.predict(iris.data)).all()
    assert "petal" in model.export_text()
    assert from_json(to_json(model.tree_, model.columns_), model.columns_) == model.tree_


def test_the_model_hears_the_users_words() -> None:
    heard: list[str] = []

    def listening(prompt: Prompt, sample: int, sampling: Sampling) -> str:
        heard.append(str(prompt))
        return copying(prompt, sample, sampling)

    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    model = LLEGOClassifier(
        Scripted(listening),
        population_size=4,
        generations=1,
        task="Tell friend from foe.",
        features={"x1": "the distance in metres"},
        random_state=0,
    )
    model.fit(X, y)
    assert heard[0].startswith("Tell friend from foe.\nx1: the distance in metres, ")
    assert model.result_.usage.calls == len(heard)


def test_pipelines_grids_clones_and_pickles() -> None:
    X, y = load_diabetes(return_X_y=True)
    piped = make_pipeline(StandardScaler(), small(LLEGORegressor, operators="classical"))
    grid = GridSearchCV(piped, {"llegoregressor__max_depth": [1, 2]}, cv=2, error_score="raise")
    assert grid.fit(X, y).score(X, y) > 0.3
    model = small(LLEGORegressor, operators="classical").fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(X) == model.predict(X)).all()
    assert not hasattr(again, "result_")
    assert clone(model).get_params()["generations"] == 1
    assert (clone(model).fit(X, y).predict(X) == model.predict(X)).all()
    scores = cross_val_score(small(LLEGORegressor, operators="random"), X, y, cv=2)
    assert np.isfinite(scores).all()


def test_categories_and_gaps() -> None:
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "colour": pandas.Categorical(rng.choice(["red", "green", "blue"], 200)),
            "weight": rng.normal(size=200),
        }
    )
    y = (frame["colour"].isin(["red", "blue"])).astype(int)
    frame.loc[::7, "weight"] = np.nan
    model = small(LLEGOClassifier, operators="classical", generations=10, population_size=12)
    model.fit(frame, y)
    assert model.score(frame, y) == 1.0
    assert "colour in" in model.export_text()
    turned = frame.copy()
    turned["colour"] = pandas.Categorical(frame["colour"], categories=["green", "red", "blue"])
    assert model.score(turned, y) == 1.0
    with pytest.raises(
        EvollmError, match="column 'colour' contains object: convert it to numbers, or to a cat"
    ):
        small(LLEGOClassifier).fit(frame.astype({"colour": "object"}), y)
    numbered = frame.set_axis([0, 1], axis=1)
    assert model.fit(numbered, y).score(numbered, y) == 1.0
    assert "x1 in" in model.export_text()


def test_several_objectives_give_a_front() -> None:
    X, y = load_iris(return_X_y=True)
    model = small(
        LLEGOClassifier,
        operators="classical",
        population_size=20,
        generations=10,
        objectives=["balanced_accuracy", "size"],
    ).fit(X, y)
    sizes = [one.metrics["size"] for one in model.front_]
    assert len(sizes) == len(set(sizes)) > 1
    ranked = sorted(model.front_, key=lambda one: one.metrics["size"])
    assert all(a.fitness < b.fitness for a, b in pairwise(ranked))


def test_groups_and_own_objectives() -> None:
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.integers(0, 2, 300), rng.normal(size=300)])
    y = (X[:, 0] + X[:, 1] > 0.5).astype(int)

    def recall(true: Any, predicted: Any) -> float:
        return float((predicted[true == 1] == 1).mean())

    model = small(
        LLEGOClassifier, operators="classical", objectives=[recall, "gap"], groups=0, generations=3
    ).fit(X, y)
    assert {"recall", "gap"} <= set(model.best_.metrics)
    assert all(one.metrics["gap"] <= 0 for one in model.front_)


def rare(rows: int = 400) -> Any:
    """Rows of which few are of one class, and hard to tell."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 3))
    return X, np.where(X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(0, 1.5, rows) > 2.2, "ill", "fit")


@each("operators", ["classical", "random"])
def test_a_rare_class_is_found_no_worse_than_by_a_balanced_cart(operators: str) -> None:
    X, y = rare()
    assert (y == "ill").mean() < 0.2
    cart = DecisionTreeClassifier(max_depth=3, class_weight="balanced", random_state=0).fit(X, y)
    bound = balanced_accuracy_score(y, cart.predict(X))
    model = small(LLEGOClassifier, operators=operators).fit(X, y)
    assert balanced_accuracy_score(y, model.predict(X)) >= bound
    shares = model.predict_proba(X)
    assert (model.classes_[shares.argmax(axis=1)] == model.predict(X)).all()
    plain = small(LLEGOClassifier, operators=operators, leaves="majority").fit(X, y)
    assert balanced_accuracy_score(y, plain.predict(X)) < bound
    frequencies = plain.predict_proba(X)[:, 1]
    for share in np.unique(frequencies):
        mine = frequencies == share
        assert share == pytest.approx((y[mine] == "ill").mean())


@each("operators", ["classical", "random"])
@each("most", [25, 50, None, np.int64(50), 10**9])
def test_no_depth_makes_it_hang(operators: Any, most: Any) -> None:
    X, y = rare(150)
    model = small(LLEGOClassifier, operators=operators, max_depth=most).fit(X, y)
    assert (model.predict(X) == y).all()  # as a CART without a bound
    assert (pickle.loads(pickle.dumps(model)).predict(X) == y).all()
    made = model.result_.dataframe()
    assert made["error"].isna().all()
    assert made["metrics.size"].max() <= 2047


def test_what_scikit_learns_tree_takes_is_taken() -> None:
    X, y = rare(60)
    for seed in (np.int32(3), np.random.RandomState(3), None):
        for most in (1, np.int64(2), None):
            given = {"max_depth": most, "random_state": seed}
            DecisionTreeClassifier(**given).fit(X, y)
            model = small(LLEGOClassifier, operators="classical", **given).fit(X, y)
            assert most is None or model.best_.metrics["depth"] <= most


def test_a_part_of_the_rows_chooses_the_tree() -> None:
    X, y = load_iris(return_X_y=True)
    model = small(LLEGOClassifier, operators="classical", validation_fraction=0.4).fit(X, y)
    metrics = model.result_.dataframe()["metrics.valid_balanced_accuracy"]
    assert model.best_.metrics["valid_balanced_accuracy"] == metrics.max()


def test_runs_can_be_recorded_and_bounded(tmp_path: Any) -> None:
    X, y = load_iris(return_X_y=True)
    first = small(LLEGOClassifier, budget=Budget(evaluations=10), path=tmp_path).fit(X, y)
    assert first.result_.usage.evaluations == 10
    more = small(LLEGOClassifier, budget=Budget(evaluations=12), path=tmp_path).fit(X, y)
    assert more.result_.usage.evaluations == 12


@each(
    ("more", "said"),
    [
        ({"operators": "magic"}, "operators must be one of llego, mix, rewriting, classical"),
        ({"max_depth": 0}, "max_depth must be 1 or more"),
        ({"max_depth": "3"}, "max_depth must be a whole number or None, not '3'"),
        ({"leaves": "most"}, "leaves must be 'objective' or 'majority', not 'most'"),
        ({"settings": {"population": 0}}, "population must be 1 or more"),
        ({"objectives": ["f1"]}, "classification has no objective 'f1'"),
        ({"objectives": ["gap"]}, "'gap' needs groups"),
        ({"validation_fraction": 0.001}, "validation_fraction=0.001"),
        ({"settings": {"form": "json", "hold": "grammar"}}, "hold must be schema or none"),
        ({"settings": {"popultion": 3}}, "there is no setting 'popultion'; did you mean"),
        ({"groups": 99}, "groups names 99, which is not a column: choose from 0, 1, 2, 3"),
        ({"groups": np.zeros(3)}, "groups names array.*, which is not a column"),
        ({"population_size": 4.5}, "population must be a whole number, not 4.5"),
        ({"settings": {"tau": "1"}}, "tau must be a number, not '1'"),
        (
            {"validation_fraction": "0.2"},
            "validation_fraction must be above 0 and below 1, not '0.2'",
        ),
        ({"groups": "age"}, "groups names 'age', which is not a column: choose from x1, x2"),
        ({"objectives": ["size"]}, r"do not measure predictions.*\['balanced_accuracy', 'size'\]"),
        ({"objectives": ("depth", "size")}, r"\['balanced_accuracy', 'depth', 'size'\]"),
        ({"objectives": "size"}, "objectives must be a list of names"),
        ({"validation_fraction": 2}, "validation_fraction must be above 0 and below 1, not 2"),
        ({"features": {"nope": "a typo"}}, "features names 'nope', which is not a column"),
    ],
)
def test_mistakes_are_one_sentence(more: Mapping[str, Any], said: str) -> None:
    X, y = load_iris(return_X_y=True)
    with pytest.raises(EvollmError, match=said):
        small(LLEGOClassifier, **more).fit(X, y)


def test_negative_weights_are_named() -> None:
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="sample_weight must be at least 0"):
        small(LLEGOClassifier).fit(X, y, sample_weight=-np.ones(len(y)))


def test_a_lone_row_of_a_class_is_called_by_its_label() -> None:
    X, y = np.arange(20.0)[:, None], np.array(["a"] * 10 + ["b"] * 9 + ["rare one"])
    model = small(LLEGOClassifier, operators="classical", validation_fraction=0.3)
    with pytest.raises(EvollmError, match="only one of 'rare one': add rows") as refused:
        model.fit(X, y)
    assert "\n" not in str(refused.value)


def first_is_right(truth: Any, told: Any) -> float:
    return float(np.mean(truth == told))


GIVEN: dict[str, Any] = {
    "model": Endpoint("some-model", base_url="http://127.0.0.1:9/v1", api_key="a key of 16 chars"),
    "adapter": "default",
    "max_depth": 2,
    "population_size": 5,
    "generations": 2,
    "operators": "random",
    "settings": {"arity": 2},
    "objectives": [first_is_right, "size"],
    "refit_leaves": False,
    "task": "Tell.",
    "features": {"x1": "of the house"},
    "groups": 1,
    "validation_fraction": 0.25,
    "budget": Budget(evaluations=12),
    "executor": Threads(2),
    "path": Path("somewhere"),
    "random_state": np.random.RandomState(3),
}
DEFAULTS = signature(LLEGOClassifier).parameters
EXECUTORS = [Serial(), Threads(2), Processes(1, seconds=20), Ray(1, cpus=0.5)]
MODELS = [Scripted(copying), "offline", offline(context=512)]


def told(value: Any) -> Any:
    """Return what tells a value apart, also one that equals nothing but itself."""
    state = getattr(value, "_given", None) or getattr(value, "__dict__", None)
    if isinstance(value, Endpoint):
        named = value.name, value.base_url, value.settings, getattr(value, "service", None)
        return type(value), named  # by value: the text of a set has no fixed order
    if isinstance(value, np.random.RandomState):
        state = value.get_state()[1].tolist()
    return type(value), repr(state or value)


@each("name", DEFAULTS)
def test_each_argument_survives_clone_and_pickle(name: str) -> None:
    values = [GIVEN.get(name, DEFAULTS[name].default)]
    values += {"executor": EXECUTORS, "model": MODELS}.get(name, [])
    for value in values:
        model = LLEGOClassifier(**{name: value})
        for again in (clone(model), pickle.loads(pickle.dumps(model)), clone(clone(model))):
            kept = again.get_params(deep=False)[name]
            assert told(kept) == told(value)


def test_a_clone_asks_with_the_same_key_and_a_pickle_holds_none() -> None:
    model = LLEGOClassifier(GIVEN["model"])
    assert clone(model).model.address()[1] == "a key of 16 chars"
    assert b"a key of" not in pickle.dumps(model)


def test_an_adapter_is_for_the_offline_model_and_for_operators_that_ask_it() -> None:
    X, y = load_iris(return_X_y=True)
    with pytest.raises(EvollmError, match="settings ask no model: leave adapter out"):
        LLEGOClassifier(adapter="default", operators="classical").fit(X, y)
    with pytest.raises(EvollmError, match=r"for the offline model, not for scripted: name one"):
        small(LLEGOClassifier, adapter="default").fit(X, y)
    with pytest.raises(EvollmError, match="shows no descriptions: leave task and features out"):
        LLEGOClassifier(adapter="default", task="Tell irises apart.").fit(X, y)


@pytest.mark.model
def test_the_taught_offline_model_writes_only_trees() -> None:
    X, y = load_iris(return_X_y=True)
    model = LLEGOClassifier(adapter="default", population_size=4, generations=1, random_state=0)
    result = model.fit(X, y).result_
    assert result.usage.calls == 4 + 8  # of two children each: crossover's, and mutation's choice
    assert rows.rejections(result.record) == {}
    assert model.score(X, y) > 0.9


@each("executor", EXECUTORS[:3], ids=lambda one: type(one).__name__)
def test_a_used_executor_is_cloned_and_searches_a_grid_in_parallel(executor: Any) -> None:
    X, y = load_iris(return_X_y=True)
    model = small(LLEGOClassifier, executor=executor, objectives=[first_is_right])
    first = model.fit(X, y).predict(X)
    again = pickle.loads(pickle.dumps(clone(model)))
    assert (again.fit(X, y).predict(X) == first).all()
    grid = GridSearchCV(model, {"max_depth": [2]}, cv=2, n_jobs=2, error_score="raise")
    assert grid.fit(X, y).score(X, y) > 0.6


@pytest.mark.ray
def test_a_used_ray_executor_is_cloned(ray_session: None) -> None:
    X, y = load_iris(return_X_y=True)
    model = small(LLEGOClassifier, executor=Ray(1))
    first = model.fit(X, y).predict(X)
    for again in (clone(model), pickle.loads(pickle.dumps(model))):
        assert (again.fit(X, y).predict(X) == first).all()


@pytest.mark.model
@pytest.mark.timeout(600)
def test_three_hundred_real_columns_fit_an_offline_models_context(
    caplog: pytest.LogCaptureFixture,
) -> None:
    X, y = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(0)
    wide = np.hstack([X, *(rng.permuted(X, axis=0) for _ in range(9))])
    assert wide.shape == (569, 300)
    model = LLEGOClassifier(
        offline(settings=Settings(cache=None, timeout_s=600), context=1024),
        population_size=2,
        generations=1,
        settings={"spare": 0, "candidates": 1, "arity": 2},
        random_state=0,
    )
    model.fit(wide, y)
    calls = model.result_.record.rows("SELECT prompt_tokens, error FROM calls")
    assert calls
    assert all(error is None for _, error in calls)
    assert all(600 < tokens <= 1024 - 224 for tokens, _ in calls)
    assert "300 columns do not fit" in caplog.text
    assert "has made none" not in caplog.text
