"""LLEGO for users: a call from rows to the chosen tree, or to a front."""

import hashlib
from collections import Counter
from dataclasses import replace
from itertools import pairwise, product
from math import nan

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    log_loss,
    mean_squared_error,
    roc_auc_score,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from evollm import Budget, EvollmError
from evollm.llm.scripted import Scripted
from evollm.store.codec import encode
from evollm.testing import SystemKit
from operators.trees.columns import Columns
from operators.trees.genome import depth, splits
from problems.trees.data.case import HoldoutTask
from problems.trees.data.samples import Samples
from problems.trees.data.tables import load, split
from problems.trees.llego import LLEGOSettings
from problems.trees.model.fitness import TreeFitness
from problems.trees.prompt_words import columns_of, described
from problems.trees.system import LLEGO, chosen
from tests.operators.trees.support_growth import COLUMNS
from tests.operators.trees.test_prompting import breed
from tests.problems.trees.support_rows import samples, table
from tests.support_each import checks, each

TRAIN, VALID = samples(0, 100), samples(1, 200)
PROBLEM = TreeFitness(COLUMNS, TRAIN, VALID)
SETTINGS = LLEGOSettings(population=6, max_depth=2)
CLASSICAL = replace(SETTINGS, crossover=0, mutation=0, classical=1)
MODEL = Scripted(breed)
MODEL_OF_X = Scripted(lambda *_: "(x1<0.5 0 1)")


def scores(result):
    return [one.fitness for one in result.population]


def test_budget_and_seed_are_those_of_the_call():
    system = LLEGO(PROBLEM, SETTINGS, MODEL)
    result = system.run(Budget(generations=2), seed=1)
    assert (result.usage.generations, result.usage.evaluations) == (2, 6 + 2 * 12)
    assert result.usage.calls == 2 * (3 * (2 + 2) + 3 * (4 + 2))
    assert len(result.population) == 6
    assert scores(result) == sorted(scores(result), reverse=True)
    assert scores(result) == scores(system.run(Budget(generations=2), seed=1))
    other = system.run(Budget(generations=2), seed=2)
    assert [one.genome for one in other.population] != [one.genome for one in result.population]


def test_without_a_budget_a_run_has_the_papers_generations():
    small = replace(CLASSICAL, population=2, offspring=2)
    result = LLEGO(PROBLEM, small).run()
    assert (result.usage.generations, result.usage.evaluations) == (25, 2 + 25 * 2)


def test_a_run_goes_on_from_its_folder_without_asking_again(tmp_path):
    calls = []
    model = Scripted(lambda *ask: calls.append(1) or breed(*ask))
    system = LLEGO(PROBLEM, SETTINGS, model, task="Tell the class.")
    whole = system.run(Budget(generations=2), seed=4)
    needed = len(calls)
    calls.clear()
    system.run(Budget(generations=1), seed=4, path=tmp_path)
    again = system.run(Budget(generations=2), seed=4, path=tmp_path)
    assert len(calls) == needed
    assert [one.genome for one in again.population] == [one.genome for one in whole.population]
    assert system.choose(again).genome == system.choose(whole).genome
    assert again.record.get("config")["task"] == "Tell the class."
    assert again.record.get("config")["seed"] == 4


def digest(result):
    """Return 16 digits of all that a run made and scored."""
    rows = result.record.rows(
        "SELECT candidate, fitness, genome, note FROM outcomes JOIN candidates ON id = candidate"
        " ORDER BY candidate"
    )
    told = [(number, round(fitness, 9), genome, note) for number, fitness, genome, note in rows]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def test_a_run_is_the_same_everywhere():
    settings = replace(SETTINGS, start="random", classical=0.5, rewriting=0.5)
    result = LLEGO(PROBLEM, settings, MODEL, "Tell the class.").run(Budget(generations=3), seed=7)
    assert result.usage.evaluations == 6 + 3 * 12
    assert digest(result) == "6f8bcb9cad6488a1"
    problem = replace(PROBLEM, leaves="majority")
    result = LLEGO(problem, settings, MODEL, "Tell the class.").run(Budget(generations=3), seed=7)
    assert digest(result) == "950eac000f089d6d"


class Cut(Exception):
    pass


def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(tmp_path):
    left = [10**9]

    def frail(*ask):
        left[0] -= 1
        if left[0] < 0:
            raise Cut
        return breed(*ask)

    system = LLEGO(PROBLEM, SETTINGS, Scripted(frail))
    whole = system.run(Budget(generations=3), seed=3)
    spent = 10**9 - left[0]
    for calls in (5, 40, 3):
        left[0] = calls
        with pytest.raises(Cut):
            system.run(Budget(generations=3), seed=3, path=tmp_path)
    left[0] = 10**9
    again = system.run(Budget(generations=3), seed=3, path=tmp_path)
    assert digest(again) == digest(whole)
    assert [encode(one.genome) for one in again.population] == [
        encode(one.genome) for one in whole.population
    ]
    assert 10**9 - left[0] == spent - 48


def test_a_model_that_only_talks_ends_the_run_in_one_sentence():
    with pytest.raises(EvollmError, match="no valid child in 3 rounds") as caught:
        LLEGO(PROBLEM, SETTINGS, Scripted(lambda *_: "Hello!")).run(Budget(generations=1))
    assert "\n" not in str(caught.value)


def test_task_columns_and_classes_are_in_every_prompt():
    prompts = []
    model = Scripted(lambda *ask: prompts.append(ask[0]) or breed(*ask))
    system = LLEGO(PROBLEM, SETTINGS, model, "Tell the class.", {"colour": "of the car"})
    system.run(Budget(generations=1))
    for prompt in prompts:
        assert prompt.startswith("Tell the class.\nglucose: mg/dl, -4 to 4\n")
        assert "\ncolour: of the car, one of red dark_blue green\n" in prompt
        assert "\nclasses: 0 = no, 1 = yes, 2 = maybe so\nDecision trees of at most 2 " in prompt


def known(result, name):
    """Return each scored tree's number, metric and fitness."""
    frame = result.dataframe()
    return list(zip(frame["candidate"], frame[f"metrics.{name}"], frame["fitness"], strict=True))


def test_the_chosen_tree_is_the_best_on_the_validation_rows():
    system = LLEGO(PROBLEM, CLASSICAL)
    result = system.run(Budget(generations=4), seed=1)
    found = system.choose(result)
    ranked = [(value, fit, -i) for i, value, fit in known(result, "valid_balanced_accuracy")]
    assert found.id == -max(ranked)[2]
    assert found.outcome.metrics["valid_balanced_accuracy"] == max(ranked)[0]
    assert max(ranked)[1] < result.fitness  # not the best in training
    assert chosen(result, PROBLEM) == found
    predicted = system.fitted(found).predict(VALID.X)
    hits = [np.mean(predicted[VALID.y == k] == k) for k in range(3)]
    assert np.mean(hits) == pytest.approx(max(ranked)[0])


def test_without_validation_rows_training_chooses():
    problem = TreeFitness(COLUMNS, TRAIN)
    result = LLEGO(problem, CLASSICAL).run(Budget(generations=2))
    assert chosen(result, problem).id == result.best.id


def test_the_first_of_several_objectives_chooses_also_if_it_is_a_users_own():
    def right(truth, told):
        return float(np.mean(truth == told))

    problem = TreeFitness(COLUMNS, TRAIN, VALID, (right, "auc"))
    result = LLEGO(problem, CLASSICAL).run(Budget(generations=2))
    found = chosen(result, problem)
    values = [value for _, value, _ in known(result, "valid_right")]
    assert found.outcome.metrics["valid_right"] == max(values) < 1


def test_a_validation_score_that_is_no_number_never_wins():
    def moody(truth, told):
        score = np.mean(truth == told)
        return nan if len(truth) == 200 and score > 0.74 else score

    problem = TreeFitness(COLUMNS, TRAIN, VALID, (moody,))
    result = LLEGO(problem, CLASSICAL).run(Budget(generations=3), seed=7)
    values = np.array([value for _, value, _ in known(result, "valid_moody")])
    assert np.isnan(values[0])
    assert chosen(result, problem).outcome.metrics["valid_moody"] == np.nanmax(values)


def test_where_nothing_can_be_scored_nothing_is_chosen(tmp_path):
    result = LLEGO(PROBLEM, CLASSICAL).run(Budget(evaluations=0), path=tmp_path)
    with pytest.raises(EvollmError, match="no tree could be scored"):
        chosen(result, PROBLEM)


def test_the_front_trades_quality_for_size():
    settings = replace(CLASSICAL, max_depth=3)
    system = LLEGO(PROBLEM, settings, objectives=("balanced_accuracy", "size"))
    assert system.weighted == {"balanced_accuracy": 1.0, "size": -1.0}
    result = system.run(Budget(generations=6), seed=1)
    front = system.front(result)
    pairs = sorted((one.outcome.metrics["size"], one.fitness) for one in front)
    assert len(pairs) >= 3
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))
    for one in result.population:
        size, fitness = one.outcome.metrics["size"], one.fitness
        assert any(a <= size and b >= fitness for a, b in pairs)


def test_without_objectives_there_is_no_front():
    result = LLEGO(PROBLEM, CLASSICAL).run(Budget(generations=1))
    with pytest.raises(EvollmError, match="objectives must be a list") as caught:
        LLEGO(PROBLEM, CLASSICAL).front(result)
    assert "\n" not in str(caught.value)


def test_an_objective_that_is_not_scored_is_named():
    with pytest.raises(
        EvollmError,
        match="'auc' that is an objective: return it, or choose from fitness, ",
    ):
        LLEGO(PROBLEM, CLASSICAL, objectives=("auc", "size")).run(Budget(generations=1))


def test_a_regression_becomes_better_by_its_loss():
    X, _ = table(0, 200, gaps=0)
    y = 2 * X[:, 0] + X[:, 1]
    problem = TreeFitness(
        columns_of_numbers(X), Samples.of(X[:100, :2], y[:100]), Samples.of(X[100:, :2], y[100:]),
        ("mse", "r2"),
    )  # fmt: skip
    system = LLEGO(problem, replace(SETTINGS, classical=2.0, start="random"), MODEL)
    result = system.run(Budget(generations=8), seed=0)
    first = max(result.dataframe()["fitness"][:6])
    assert first < result.fitness < 0
    found = system.choose(result)
    error = np.mean((system.fitted(found).predict(X[100:, :2]) - y[100:]) ** 2)
    assert found.outcome.metrics["valid_mse"] == pytest.approx(-error)
    assert found.outcome.metrics["r2"] > 0.3


def unbalanced(seed, weighed=False):
    """Rows of which one in eight is of the second class, which their numbers hardly tell."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(240, 3))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(0, 1.5, 240) > 2).astype(float)
    return X, y, rng.integers(1, 5, 240).astype(float) if weighed else None


SCORED = {
    "balanced_accuracy": lambda y, model, X, w: balanced_accuracy_score(
        y, model.predict(X), sample_weight=w
    ),
    "accuracy": lambda y, model, X, w: accuracy_score(y, model.predict(X), sample_weight=w),
    "log_loss": lambda y, model, X, w: -log_loss(y, model.predict_proba(X), sample_weight=w),
    "auc": lambda y, model, X, w: roc_auc_score(y, model.predict_proba(X)[:, 1], sample_weight=w),
}


@each("name", SCORED)
@each("shares", [{"classical": 1}, {"random": 1}, {"crossover": 1}])
def test_no_search_ends_below_the_cart_of_all_training_rows(name, shares):
    settings = replace(SETTINGS, **{"crossover": 0, "mutation": 0, **shares}, max_depth=3)
    below = []
    for seed, weighed, front in product(range(3), (False, True), ((), ("size",))):
        X, y, weights = unbalanced(seed, weighed)
        problem = TreeFitness(
            Columns.of(X, classes=(0, 1)), Samples.of(X, y, weights), objectives=(name,)
        )
        weight = "balanced" if name == "balanced_accuracy" else None
        cart = DecisionTreeClassifier(max_depth=3, random_state=0, class_weight=weight)
        cart.fit(X, y, weights)
        system = LLEGO(problem, settings, MODEL_OF_X, objectives=(name, *front) if front else ())
        result = system.run(Budget(generations=2), seed=seed)
        best = system.choose(result)
        assert best.fitness == pytest.approx(SCORED[name](y, system.fitted(best), X, weights))
        assert max(scores(result)) == best.fitness
        if best.fitness < SCORED[name](y, cart, X, weights) - 1e-12:
            below.append((seed, weighed, front))
    assert below == []


def test_no_regression_ends_below_the_cart_of_all_training_rows():
    X, _, weights = unbalanced(0, True)
    y = X[:, 0] * X[:, 1]
    problem = TreeFitness(Columns.of(X, y=y), Samples.of(X, y, weights), objectives=("mse",))
    cart = DecisionTreeRegressor(max_depth=2, random_state=0).fit(X, y, weights)
    result = LLEGO(problem, CLASSICAL).run(Budget(generations=1), seed=0)
    loss = mean_squared_error(y, cart.predict(X), sample_weight=weights)
    assert result.fitness >= -loss - 1e-12


PIMA = load("pima")
CASE = HoldoutTask.of(PIMA, ["balanced_accuracy"])
FRONT = ("balanced_accuracy", "size")
ANSWERING_PIMA = Scripted(
    lambda prompt, _, options: f"(glucose<{100 + options.seed % 60} 0 (age<{len(prompt) % 50} 0 1))"
)


@each(
    "case",
    [
        (lambda: LLEGO(PROBLEM, SETTINGS, MODEL), 18),
        (lambda: LLEGO(PROBLEM, CLASSICAL), 18),
        (lambda: LLEGO(replace(PROBLEM, valid=None), CLASSICAL, objectives=FRONT), 18),
        (lambda: LLEGO(CASE.problem, SETTINGS, ANSWERING_PIMA, CASE.task, holdout=CASE), 18),
        (lambda: LLEGO(CASE.problem, CLASSICAL, objectives=FRONT, holdout=CASE), 18),
    ],
    ids=["llego", "classical", "front", "llego-holdout", "front-holdout"],
)
@each("check", checks(SystemKit))
def test_conformance(check, case, tmp_path):
    check(case, tmp_path)


def columns_of_numbers(X):
    return Columns.of(X[:, :2], ["a", "b"], y=2 * X[:, 0] + X[:, 1])


@pytest.mark.model
def test_every_tree_of_the_offline_model_is_valid():
    from evollm.llm.client.settings import Settings
    from evollm.llm.offline.model import offline

    data = load("pima")
    parts = split(data, 0)
    train, valid = (Samples.of(data.X[rows], data.y[rows]) for rows in (parts.train, parts.valid))
    problem = TreeFitness(columns_of(data, parts.train), train, valid)
    model = offline(settings=Settings(cache=None))
    settings = LLEGOSettings(population=4, max_depth=2, candidates=2, spare=1)
    system = LLEGO(problem, settings, model, data.context, described(data))
    result = system.run(Budget(generations=1), seed=0)
    made = result.dataframe()
    assert (len(made), result.usage.generations) == (4 + 8, 1)
    assert result.usage.calls == 2 * (2 + 1) + 2 * (2 + 1)
    assert result.record.rows("SELECT rejected FROM jobs WHERE rejected NOT IN ('{}')") == []
    assert made["error"].isna().all()
    born = made[made["step"] == 1]
    assert Counter(born["operator"]) == {"GuidedCrossover": 4, "DiverseMutation": 4}
    assert all(1 <= depth(tree) <= 2 for tree in born["genome"])
    assert all(s.feature < 8 for tree in born["genome"] for s in splits(tree))
    notes = [result.candidate(int(number)).note for number in born["candidate"]]
    mutated = [note["logprob"] for note in notes if "logprob" in note]
    assert len(mutated) == 4
    assert all(total < 0 for total, _ in mutated)
