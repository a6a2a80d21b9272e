import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from evollm import Budget, EvollmError, run
from evollm.algorithms import Mating, front, generational, nsga2
from evollm.testing import ProblemKit
from operators.trees.columns import Columns
from operators.trees.genome import Leaf, Split, depth, leaves, size, splits, with_leaves
from operators.trees.variation import NodeMutation, RandomTrees, SubtreeCrossover
from problems.trees.data.samples import Samples
from problems.trees.model.convert import Forest
from problems.trees.model.fitness import TreeFitness
from problems.trees.model.fitted import fit
from tests.operators.trees.support_growth import COLUMNS
from tests.problems.trees.support_rows import samples, table
from tests.support_each import checks, each

POPULATION = RandomTrees(COLUMNS, 4).vary([], 30, 0).genomes


def problem(**more):
    return TreeFitness(**{"columns": COLUMNS, "train": samples(), "valid": samples(1), **more})


def test_metrics_are_those_of_the_fitted_tree_on_both_sets_of_rows():
    both = problem(objectives=("balanced_accuracy", "accuracy"))
    for tree, outcome in zip(POPULATION, both.evaluate(POPULATION, None, 0), strict=True):
        model = both.fit(tree)
        for prefix, seed in (("", 0), ("valid_", 1)):
            X, y = table(seed)
            assert outcome.metrics[f"{prefix}accuracy"] == np.mean(model.predict(X) == y)
            assert outcome.metrics[f"{prefix}balanced_accuracy"] == pytest.approx(
                balanced_accuracy_score(y, model.predict(X))
            )
        assert outcome.fitness == outcome.metrics["balanced_accuracy"]
        assert outcome.metrics["size"] == size(tree)
        assert outcome.metrics["depth"] == depth(tree)
        assert with_leaves(tree, outcome.info["leaves"]) == model.tree
        assert outcome.info["signature"] == both.signature(tree)


def test_without_validation_rows_there_are_no_metrics_of_them():
    outcome = problem(valid=None).evaluate([Leaf(0)], None, 0)[0]
    assert set(outcome.metrics) == {"balanced_accuracy", "size", "depth"}


def test_leaves_that_are_kept_can_be_worse_than_fitted_ones():
    kept = [one.fitness for one in problem(refit_leaves=False).evaluate(POPULATION, None, 0)]
    fitted = problem(objectives=("accuracy",)).evaluate(POPULATION, None, 0)
    plain = problem(objectives=("accuracy",), refit_leaves=False).evaluate(POPULATION, None, 0)
    assert all(a.fitness >= b.fitness for a, b in zip(fitted, plain, strict=True))
    assert max(kept) > min(kept)


def labelings(tree, classes=3):
    return [with_leaves(tree, v) for v in product(range(classes), repeat=len(leaves(tree)))]


@each("name", ["balanced_accuracy", "accuracy"])
@each("weighed", [False, True])
def test_leaves_say_what_scores_best_of_all_that_they_could_say(name, weighed):
    weights = np.random.default_rng(0).integers(1, 6, 300) if weighed else None
    rows = samples(weights=weights)
    skewed = replace(rows, y=np.where(rows.y == 2, 2.0, 0.0) + (rows.X[:, 0] > 3.5) * (rows.y == 1))
    found = problem(train=skewed, objectives=(name,))
    kept = replace(found, refit_leaves=False)
    for tree in RandomTrees(COLUMNS, 2).vary([], 8, 0).genomes:
        best = max(one.fitness for one in kept.evaluate(labelings(tree), None, 0))
        assert found.evaluate([tree], None, 0)[0].fitness == pytest.approx(best, abs=1e-12)


def test_leaves_are_of_the_majority_on_demand_and_for_what_a_user_rewards():
    def own(truth, told):
        return balanced_accuracy_score(truth, told)

    balanced, asked = problem(), problem(leaves="majority")
    others = [problem(objectives=(one,)) for one in ("accuracy", "log_loss", "auc", own)]
    differ = 0
    for tree in POPULATION:
        plain = fit(tree, asked.train, 3)
        for one in (asked, *others):
            assert np.array_equal(one.fit(tree).probabilities, plain.probabilities)
            assert one.fit(tree).leaf_values == plain.leaf_values
        differ += balanced.fit(tree).leaf_values != plain.leaf_values
    assert differ
    assert not problem(leaves="majority").balanced
    both = problem(objectives=("accuracy", "balanced_accuracy"))
    assert not both.balanced  # the first one is the fitness


def test_signatures_are_shared_by_trees_that_predict_the_same():
    both = problem()
    one = Split(0, 0.0, Leaf(0), Leaf(1))
    same = Split(0, 0.0, Leaf(2), Split(0, -1.0, Leaf(1), Leaf(0)))
    assert both.signature(one) == both.signature(same) != both.signature(Leaf(0))
    assert both.signature(one) == both.signature(Split(0, 0.0, Leaf(2), Leaf(2)))
    kept = problem(refit_leaves=False)
    assert kept.signature(one) != kept.signature(same)


def test_signatures_of_regression_tell_values_apart():
    X, _ = table()
    columns = Columns.of(X, y=[0.0, 9.0])
    kept = TreeFitness(
        columns, Samples.of(X, X[:, 2] == 1), objectives=("mse",), refit_leaves=False
    )
    found = [
        Split(0, 0.0, Leaf(1.5), Leaf(2.5)),
        Split(0, 0.0, Leaf(1.5), Split(0, -1.0, Leaf(7.0), Leaf(2.5))),
        Split(0, 0.0, Leaf(2.5), Leaf(1.5)),
        Split(0, 0.0, Leaf(1.5), Leaf(2.6)),
    ]
    signatures = [kept.signature(tree) for tree in found]
    assert signatures[0] == signatures[1]
    assert len(set(signatures)) == 3


def test_equal_trees_are_scored_once():
    calls = []

    def count(y_true, y_pred):
        calls.append(1)
        return 0.0

    found = problem(objectives=(count,), valid=None).evaluate([POPULATION[0]] * 5, None, 0)
    assert len(calls) == 1
    assert len(found) == 5


def test_what_is_no_tree_fails_alone():
    genomes = [POPULATION[0], Split(9, 0.0, Leaf(0), Leaf(1)), Leaf(3), "tree", Leaf(0.5)]
    found = problem().evaluate(genomes, None, 0)
    assert found[0].error is None
    errors = [one.error for one in found[1:]]
    assert [
        "column 9" in errors[0],
        "class other" in errors[1],
        "str is not a tree" in errors[2],
    ] == [True] * 3
    assert "class other" in errors[3]
    for genome, error in zip(genomes[1:], errors, strict=True):
        with pytest.raises(EvollmError) as refused:
            problem().fit(genome)
        assert str(refused.value) == error


def test_an_objective_that_raises_fails_its_evaluation_alone():
    def picky(y_true, y_pred):
        if len(set(y_pred.tolist())) == 1:
            raise ValueError("one class only")
        return 1.0

    genomes = [Split(0, 0.0, Leaf(0), Leaf(1)), Leaf(0)]
    found = problem(objectives=(picky,), refit_leaves=False).evaluate(genomes, None, 0)
    assert found[0].fitness == 1.0
    assert "ValueError: one class only" in found[1].error


def test_regression():
    X, _ = table()
    target = np.nan_to_num(X[:, 0]) ** 2
    columns = Columns.of(X, y=target)
    scored = TreeFitness(columns, Samples.of(X, target), objectives=("mse", "r2"))
    genomes = Forest(columns, Samples.of(X, target), 3).vary([], 5, 0).genomes
    for tree, outcome in zip(genomes, scored.evaluate(genomes, None, 0), strict=True):
        error = np.mean((scored.fit(tree).predict(X) - target) ** 2)
        assert outcome.fitness == pytest.approx(-error)
        assert outcome.metrics["r2"] == pytest.approx(1 - error / target.var())


@each(
    ("more", "message"),
    [
        ({"leaves": "most"}, "leaves must be 'objective' or 'majority', not 'most'"),
        ({"leaves": "majority", "refit_leaves": False}, "needs refitted leaves"),
        ({"objectives": ("mse",)}, "no objective 'mse'"),
        ({"objectives": ("gap",)}, "needs groups"),
        ({"valid": Samples.of([[1.0]], [0])}, "the 3 columns that are described"),
        ({"train": Samples.of(np.zeros((2, 3)), [0, 3])}, "indices of classes, 0 to 2"),
        ({"train": Samples.of(np.zeros((2, 3)), [0, 0.5])}, "indices of classes"),
        ({"train": Samples.of(np.zeros((2, 3)), [1, 1])}, "have the same class"),
    ],
)
def test_problems_that_make_no_sense_are_refused(more, message):
    with pytest.raises(EvollmError, match=message):
        problem(**more)


def searched(seed, matings=None):
    matings = matings or [
        Mating(SubtreeCrossover(3), arity=2, share=0.5),
        Mating(NodeMutation(COLUMNS, 3, ("threshold", "feature", "subtree", "prune")), arity=1),
    ]
    return generational(Forest(COLUMNS, samples(), 3), matings, size=12, seed=seed)


def test_a_classical_search_improves_on_its_forest(tmp_path):
    found = run(searched(1), problem(), budget=Budget(evaluations=12 * 12), path=tmp_path)
    start = run(searched(1), problem(), budget=Budget(evaluations=12))
    assert found.best.fitness > start.best.fitness
    assert all(depth(one.genome) <= 3 for one in found.population)
    assert json.dumps(found.best.outcome.info)


def test_several_objectives_at_once_have_a_front():
    groups = np.arange(300) % 2
    goals = {"balanced_accuracy": 1.0, "size": -1.0, "gap": 1.0}
    fair = problem(
        train=samples(groups=groups), valid=None, objectives=("balanced_accuracy", "gap")
    )
    start, change = RandomTrees(COLUMNS, 3), NodeMutation(COLUMNS, 3)
    flow = nsga2(start, change, goals, size=12, seed=0)
    found = front(run(flow, fair, budget=Budget(evaluations=120)).population, goals)
    assert len({one.metrics["size"] for one in found}) > 1
    assert all(one.metrics["gap"] <= 0 for one in found)


def case(given):
    if given == "classes":
        genomes = [*POPULATION[:5], POPULATION[0], Leaf(7), "no tree"]
        return problem(objectives=("auc", "log_loss")), genomes, None
    X, _ = table()
    columns = Columns.of(X, y=[0.0, 1.0])
    target = np.nan_to_num(X[:, 1])
    made = RandomTrees(columns, 3).vary([], 4, 0).genomes
    return TreeFitness(columns, Samples.of(X, target), objectives=("r2",)), made, None


@each("given", ["classes", "numbers"])
@each("check", checks(ProblemKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)


def test_leaves_of_an_outcome_are_plain_numbers():
    outcome = problem().evaluate([POPULATION[0]], None, 0)[0]
    assert all(type(value) is int for value in outcome.info["leaves"])
    assert len(outcome.info["leaves"]) == len(leaves(POPULATION[0]))


def test_a_mark_for_what_is_missing_counts_where_a_column_has_gaps_only():
    X, y = table(gaps=0)
    X[::5, 2] = np.nan
    names = [column.name for column in COLUMNS.columns]
    columns = Columns.of(X, names, classes=COLUMNS.classes, categories={"colour": ["a", "b", "c"]})
    problem = TreeFitness(columns, Samples.of(X, y))
    inner = Split(2, 0.0, Leaf(2), Leaf(1), (0,), True)
    marked, plain = (Split(0, 0.5, Leaf(0), inner, (), mark) for mark in (True, False))
    one, other = problem.evaluate([marked, plain], None, 0)
    assert one.genome == plain
    assert other.genome is None
    assert one.info == other.info
    hole = [[np.nan, 0.0, np.nan]]
    assert problem.fit(marked).genome == plain  # and the mark in the column with gaps stays
    assert problem.fit(marked).predict(hole) == problem.fit(plain).predict(hole)
    forest = Forest(columns, problem.train, 4).vary([], 20, 0).genomes
    asked = [split for tree in forest for split in splits(tree)]
    assert any(split.missing_left for split in asked)
    assert all(split.feature == 2 for split in asked if split.missing_left)
