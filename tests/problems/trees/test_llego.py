"""The search: its matings, its rules of selection, and whole runs with scripted models."""

import re
from collections import Counter
from dataclasses import replace
from math import inf

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from evollm import Candidate, EvollmError, Individual, Outcome
from evollm.llm.scripted import Scripted
from evollm.search.flow import Survivors, Vary
from evollm.search.search import Search
from evollm.testing import FlowKit
from evollm.types import name_of
from operators.trees.context import TreeContext
from operators.trees.genome import depth
from operators.trees.llego import DiverseMutation, GuidedCrossover
from problems.trees.data.samples import Samples
from problems.trees.llego import LLEGOSettings, distinct, inverse_loss
from problems.trees.model.fitness import TreeFitness
from tests.operators.trees.support_growth import COLUMNS, REGRESSION
from tests.operators.trees.test_prompting import breed
from tests.problems.trees.support_rows import samples, table
from tests.support_each import checks, each

PROBLEM = TreeFitness(COLUMNS, samples(0, 120), samples(1, 120))
NUMBERS = TreeFitness(
    REGRESSION,
    Samples.of(table(0, 120)[0], np.nan_to_num(table(0, 120)[0][:, 0]) * 2),
    objectives=("mse", "r2"),
)
MODEL = Scripted(breed)
SMALL = LLEGOSettings(population=6, max_depth=2)
BOTH = {"balanced_accuracy": 1.0, "size": -1.0}


def only(**shares):
    return replace(SMALL, crossover=0, mutation=0, **shares)


def flow(settings, seed=0, model=MODEL, problem=PROBLEM, objectives=()):
    return settings.flow(problem, model, TreeContext("Tell the class."), seed, objectives)


def case(given):
    settings, problem, objectives = given
    model = MODEL if settings.asks else None
    return lambda seed: flow(settings, seed, model, problem, objectives), problem


@each(
    "given",
    [
        (SMALL, PROBLEM, ()),
        (SMALL, NUMBERS, ()),
        (SMALL, PROBLEM, BOTH),
        (replace(SMALL, form="json", mode="chat", duplicates=False), PROBLEM, ()),
        (replace(SMALL, start="model", semantics=False, order="random"), PROBLEM, ()),
        (replace(SMALL, crossover=0.5, mutation=0.5, classical=1), PROBLEM, ()),
        (only(rewriting=1), PROBLEM, ()),
        (only(classical=1), PROBLEM, ()),
        (only(random=1, start="random"), PROBLEM, ()),
    ],
    ids=["llego", "mse", "front", "json", "model", "mix", "rewriting", "classical", "random"],
)
@each("check", checks(FlowKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)


def driven(search, problem, steps):
    """Return a flow's variations, all individuals, and who lived after each step."""
    jobs, scored, lived = [], [], []
    search = Search(watched(search, lived))
    while len(lived) < steps:
        for ticket in search.ask():
            job = ticket.job
            if isinstance(job, Vary):
                jobs.append(job)
                search.tell(ticket, job.operator.vary(job.parents, job.n, job.seed))
            else:
                genomes = [one.genome for one in job.candidates]
                for place, outcome in enumerate(problem.evaluate(genomes, None, job.seed)):
                    scored.append(search.score(ticket, place, outcome))
    return jobs, scored, lived


def watched(search, lived):
    """Pass a flow on, and keep who survives."""
    answer = None
    while True:
        item = search.send(answer)
        if isinstance(item, Survivors):
            lived.append(list(item.population))
        answer = yield item


def test_a_generation_makes_twice_as_many_children_and_keeps_the_best():
    jobs, scored, lived = driven(flow(SMALL), PROBLEM, 2)
    assert [len([one for one in scored if one.candidate.step == s]) for s in range(3)] == [
        6,
        12,
        12,
    ]
    first = sorted(scored[:18], key=lambda one: (-one.fitness, one.id))[:6]
    assert [one.id for one in lived[0]] == [one.id for one in first]
    assert all(len(living) == 6 for living in lived)
    made = Counter((name_of(job.operator), len(job.parents), job.n) for job in jobs[1:])
    assert made == {("GuidedCrossover", 4, 2): 6, ("DiverseMutation", 4, 2): 6}
    for job in jobs[1:]:
        assert len({parent.id for parent in job.parents}) == 4
    assert max(depth(one.genome) for one in scored) <= 2


def test_offspring_can_be_told():
    _, scored, lived = driven(flow(replace(SMALL, offspring=5)), PROBLEM, 2)
    assert (len(scored), len(lived[1])) == (6 + 5 + 5, 6)


def test_settings_reach_the_operators():
    settings = replace(
        SMALL, alpha=0.3, tau=2.0, candidates=7, spare=1, per_token=True, arity=3, brood=1,
        order="descending", fitness=False, temperature=0.5, max_depth=4, form="json", mode="chat",
    )  # fmt: skip
    jobs, _, _ = driven(flow(settings), PROBLEM, 1)
    cross = next(job.operator for job in jobs if isinstance(job.operator, GuidedCrossover))
    mutate = next(job.operator for job in jobs if isinstance(job.operator, DiverseMutation))
    assert (cross.alpha, cross.spare, cross.order, cross.fitness) == (0.3, 1, "descending", False)
    assert (mutate.tau, mutate.candidates, mutate.spare, mutate.per_token) == (2.0, 7, 1, True)
    asking = cross.asking
    assert (asking.form, asking.mode, asking.hold) == ("json", "chat", "schema")
    assert (asking.temperature, asking.max_depth, asking.context) == (
        0.5,
        4,
        TreeContext("Tell the class."),
    )
    assert asking.columns.classes == (0, 1, 2)
    assert {(len(job.parents), job.n) for job in jobs[1:]} == {(3, 1)}


def test_without_semantics_no_word_of_the_task_is_in_any_prompt():
    prompts = []
    model = Scripted(lambda *ask: prompts.append(ask[0]) or breed(*ask))
    driven(flow(replace(SMALL, semantics=False), model=model), PROBLEM, 1)
    assert prompts
    words = ("glucose", "mass", "colour", "red", "maybe", "mg/dl", "Tell")
    assert not any(word in prompt for prompt in prompts for word in words)
    assert any("(x1<" in prompt for prompt in prompts)


def test_a_regression_shows_losses_in_descending_order():
    prompts = []
    model = Scripted(lambda *ask: prompts.append(ask[0]) or breed(*ask))
    driven(flow(SMALL, model=model, problem=NUMBERS), NUMBERS, 1)
    crosses = [prompt for prompt in prompts if prompt.endswith(":")]
    losses = [
        [float(found) for found in re.findall(r"^loss (-?[\d.]+):", prompt, re.MULTILINE)]
        for prompt in crosses
    ]
    for *shown, target in losses:
        assert shown == sorted(shown, reverse=True)
        assert target == pytest.approx(shown[-1] - 0.1 * (shown[0] - shown[-1]), abs=2e-4)
    assert not any("score" in prompt for prompt in prompts)
    assert "leaves are numbers." in prompts[0]


def test_parents_of_crossover_are_drawn_by_fitness_and_those_of_mutation_are_not():
    fitness = [0.1] * 6 + [0.9] * 2
    pool = [Individual(Candidate(i, None, (), "", 0), Outcome(f)) for i, f in enumerate(fitness)]
    jobs, _, _ = driven(flow(SMALL), PROBLEM, 1)
    assert {job.operator.__class__ for job in jobs[1:]} == {GuidedCrossover, DiverseMutation}
    cross, mutate = SMALL._matings(PROBLEM, SMALL.asking(PROBLEM, MODEL, TreeContext()))
    assert SMALL._matings(NUMBERS, cross.variation.asking)[0].parents is inverse_loss
    rng = np.random.default_rng(0)
    good = [
        np.mean([one.id >= 6 for _ in range(300) for one in mating.parents(pool, 4, rng)])
        for mating in (cross, mutate)
    ]
    assert good[0] > 0.35
    assert good[1] == pytest.approx(0.25, abs=0.04)


def losing(*losses):
    return [
        Individual(Candidate(i, None, (), "", 0), Outcome(-loss)) for i, loss in enumerate(losses)
    ]


def test_by_inverse_loss_half_the_loss_is_drawn_twice_as_often():
    rng = np.random.default_rng(0)
    drawn = Counter(inverse_loss(losing(1.0, 2.0, 4.0, inf), 1, rng)[0].id for _ in range(2000))
    assert [drawn[i] / 2000 for i in range(4)] == pytest.approx([4 / 7, 2 / 7, 1 / 7, 0], abs=0.04)


def test_by_inverse_loss_none_is_drawn_twice_and_no_loss_counts_as_the_least_above_it():
    rng = np.random.default_rng(0)
    for pool in (losing(0, 1, 3), losing(0, 0, 0), losing(inf, inf, 2), losing(inf, inf, inf)):
        assert {one.id for one in inverse_loss(pool, 3, rng)} == {0, 1, 2}
        assert len(inverse_loss(pool, 5, rng)) == 5
    drawn = Counter(inverse_loss(losing(0, 1, 2), 1, rng)[0].id for _ in range(2000))
    assert [drawn[i] / 2000 for i in range(3)] == pytest.approx([0.4, 0.4, 0.2], abs=0.04)


def signed(number, fitness, signature=None):
    info = None if signature is None else {"signature": signature}
    return Individual(Candidate(number, None, (), "", 0), Outcome(fitness, info=info))


def test_distinct_survivors_have_different_predictions_while_there_are_enough():
    pool = [signed(0, 0.5, "a"), signed(1, 0.9, "b"), signed(2, 0.8, "b"), signed(3, 0.1, "c")]
    pool += [signed(4, -inf), signed(5, -inf)]
    for k, kept in [(2, [1, 0]), (3, [1, 0, 3]), (5, [1, 0, 3, 4, 5]), (6, [1, 0, 3, 4, 5, 2])]:
        assert [one.id for one in distinct(pool, k, None)] == kept


def test_without_duplicates_the_living_predict_differently():
    def copy(prompt, sample, sampling):
        last = breed(prompt, sample, sampling)
        return last if sampling.seed % 3 == 0 else re.findall(r"\(.*\)", prompt)[-1]

    kept = {}
    for duplicates in (True, False):
        settings = replace(SMALL, duplicates=duplicates, start="random")
        _, _, lived = driven(flow(settings, model=Scripted(copy)), PROBLEM, 3)
        kept[duplicates] = len({one.outcome.info["signature"] for one in lived[-1]})
    assert kept[False] == 6 > kept[True]


def test_several_objectives_survive_by_dominance():
    _, _, lived = driven(flow(SMALL, objectives=BOTH), PROBLEM, 3)
    sizes = {one.outcome.metrics["size"] for one in lived[-1]}
    assert len(lived[-1]) == 6
    assert min(sizes) < max(sizes)


def test_classical_and_random_shares_ask_no_model():
    jobs, _, _ = driven(flow(only(classical=2, random=1), model=None), PROBLEM, 1)
    children = Counter()
    for job in jobs[1:]:
        children[name_of(job.operator)] += job.n
    assert children == {"SubtreeCrossover": 4, "NodeMutation": 4, "RandomTrees": 4}
    assert "leaf" not in next(
        job.operator.kinds for job in jobs if name_of(job.operator) == "NodeMutation"
    )


def test_shares_of_a_mix_are_kept():
    settings = replace(SMALL, crossover=0.5, mutation=0.5, classical=1, population=8)
    jobs, _, _ = driven(flow(settings), PROBLEM, 1)
    children = Counter()
    for job in jobs[1:]:
        children[name_of(job.operator)] += job.n
    names = ("GuidedCrossover", "DiverseMutation", "SubtreeCrossover", "NodeMutation")
    assert children == dict.fromkeys(names, 4)


def test_the_first_trees_are_those_of_balanced_classes_where_leaves_are():
    X, y = table(0, 120, gaps=0)
    whole = replace(PROBLEM, train=Samples.of(X, y))
    for objective, leaves, weight in (
        ("balanced_accuracy", "objective", "balanced"),
        ("balanced_accuracy", "majority", None),
        ("accuracy", "objective", None),
    ):
        problem = replace(whole, objectives=(objective,), leaves=leaves)
        forest = only(classical=1)._start(problem, None, 0)
        assert forest.balanced == (weight is not None)
        cart = DecisionTreeClassifier(max_depth=2, random_state=0, class_weight=weight).fit(X, y)
        first = forest.vary([], 6, 3).genomes[0]
        assert problem.fit(first).predict(X).tolist() == cart.predict(X).tolist()


@each("most", [None, 64, 10**9])
def test_without_a_bound_trees_are_as_deep_as_any_that_is_grown(most):
    for settings in (only(classical=1, random=1), SMALL):
        jobs, scored, _ = driven(flow(replace(settings, max_depth=most)), PROBLEM, 1)
        operators = [job.operator for job in jobs]
        depths = {one.max_depth for one in operators if hasattr(one, "max_depth")}
        depths |= {one.asking.max_depth for one in operators if hasattr(one, "asking")}
        assert depths == {64}
        assert max(depth(one.genome) for one in scored) > 4


def test_a_model_that_writes_no_first_tree_is_helped_by_the_forest():
    settings = only(classical=1, start="model")
    prompts = []
    model = Scripted(lambda prompt, *_: prompts.append(prompt) or "I can't")
    jobs, scored, _ = driven(flow(settings, model=model), PROBLEM, 1)
    assert len(prompts) == 6
    assert len(prompts[0].strip().split("\n\n")[1].split("\n")) == 4  # examples
    assert name_of(jobs[0].operator) == "FirstTrees"
    assert [one.note["fallback"] for one in scored[:6]] == ["Forest"] * 6


@each(
    ("settings", "message"),
    [
        ({"population": 0}, "population must be 1 or more, not 0"),
        ({"max_depth": 0}, "max_depth must be 1 or more"),
        ({"arity": 0}, "arity must be 1 or more"),
        ({"brood": -1}, "brood must be 1 or more"),
        ({"candidates": 0}, "candidates must be 1 or more"),
        ({"spare": -1}, "spare must be 0 or more"),
        ({"offspring": 0}, "offspring must be 1 or more or None, not 0"),
        ({"population": None}, "population must be a whole number, not None"),
        ({"max_depth": "3"}, "max_depth must be a whole number or None, not '3'"),
        ({"max_depth": 2.5}, "max_depth must be a whole number or None, not 2.5"),
        ({"crossover": -1.0}, "shares of crossover, mutation"),
        ({"crossover": 0, "mutation": 0}, "not all 0"),
        ({"start": "forrest"}, "start must be one of forest, model, random, not 'forrest'"),
        ({"order": "up"}, "order must be one of"),
        ({"form": "yaml"}, "form must be one of line, json"),
        ({"mode": "talk"}, "mode must be one of plain, chat"),
    ],
)
def test_settings_without_sense_are_refused(settings, message):
    with pytest.raises(EvollmError, match=message) as caught:
        LLEGOSettings(**settings)
    assert "\n" not in str(caught.value)


@each(
    ("settings", "message"),
    [
        ({"form": "json", "hold": "grammar"}, "hold must be schema or none"),
        ({"tau": 0.0}, "tau must be positive"),
        ({"rewriting": 1.0, "mode": "chat"}, "only in plain mode and one-line form"),
    ],
)
def test_settings_that_do_not_agree_are_refused_before_anything_is_asked(settings, message):
    with pytest.raises(EvollmError, match=message):
        flow(replace(SMALL, **settings))


@each("settings", [SMALL, only(classical=1, start="model")])
def test_without_a_model_none_can_be_asked(settings):
    with pytest.raises(EvollmError, match="these settings need a model"):
        flow(settings, model=None)
