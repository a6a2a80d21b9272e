"""Toolboxes become parts of the engine, and what they lack is said."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from deap import base, creator, tools

from evollm import Budget, EvollmError, run
from evollm.algorithms import ea_simple
from evollm.search.fingerprint import describe
from evollm.testing import ProblemCase, ProblemKit
from operators.deap.individuals import Plain, Trees
from operators.deap.toolbox import FromToolbox, from_toolbox
from tests.operators.deap.support_boxes import (
    PSET,
    count_ones,
    knapsack,
    onemax,
    primitives,
    quartic,
)
from tests.support_each import checks, each


def noisy(individual):
    return (sum(individual) + random.random() + float(np.random.random()),)  # noqa: NPY002


def case_trees() -> ProblemCase:
    parts = from_toolbox(quartic())
    return parts.problem, parts.start.vary([], 5, 2).genomes, None


CONFORMING = {
    "bits": lambda: (from_toolbox(onemax(5)).problem, [[0, 1, 1, 0, 1], [0] * 5], None),
    "trees": case_trees,
    "noise": lambda: (FromToolbox(noisy, (1.0,), draws=True), [[1, 0], [1, 1]], None),
}


@each("name", CONFORMING)
@each("check", checks(ProblemKit))
def test_conformance(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    check(CONFORMING[name](), tmp_path)


def test_everything_is_told_from_the_toolbox():
    parts = from_toolbox(onemax())
    assert parts.form == Plain(creator.Bits)
    assert parts.objectives == {"obj0": 1.0}
    assert (parts.start.name, parts.mate.name, parts.mutate.name) == (
        "individual",
        "mate",
        "mutate",
    )
    assert parts.problem.name == "evaluate"
    trees = from_toolbox(quartic())
    assert trees.form == Trees(PSET, creator.Tree)
    assert from_toolbox(knapsack(), names=("weight", "value")).objectives == {
        "weight": -1.0,
        "value": 1.0,
    }


def test_fitness_is_the_first_objective_and_larger_is_better():
    problem = FromToolbox(lambda genome: genome, (-1.0, 0.5), names=("error", "size"))
    (found,) = problem.evaluate([[3.0, 8.0]], None, 0)
    assert found.fitness == -3.0
    assert found.metrics == {"error": 3.0, "size": 8.0}
    (found,) = FromToolbox(count_ones, (1.0,)).evaluate([[1, 1]], None, 0)
    assert found.metrics == {"obj0": 2.0}


def test_a_genome_is_evaluated_as_the_toolboxs_individual():
    seen = []
    box = onemax(3)
    box.register("evaluate", lambda individual: (float(seen.append(individual) is None),))
    parts = from_toolbox(box)
    list(parts.problem.evaluate([[1, 0, 1]], None, 0))
    assert type(seen[0]) is creator.Bits


def test_a_failure_costs_one_evaluation():
    problem = FromToolbox(lambda genome: (1 / genome[0],), (1.0,))
    good, bad, lost = problem.evaluate([[2.0], [0], [float("nan")]], None, 0)
    assert (good.fitness, good.error) == (0.5, None)
    assert bad.error == "ZeroDivisionError: division by zero"
    assert (lost.fitness, lost.error) == (-np.inf, "obj0 is NaN")


@each("value", [1.0, None, (1.0, 2.0), (), ("a",)])
def test_an_evaluation_without_its_tuple_is_refused(value):
    with pytest.raises(EvollmError, match="must return a tuple of 1 numbers"):
        list(FromToolbox(lambda genome: value, (1.0,)).evaluate([[1]], None, 0))


@each("names", [("a",), ("a", "a"), ("a", "fitness")])
def test_names_that_do_not_fit_are_refused(names):
    with pytest.raises(EvollmError, match="2 objectives can't have the names"):
        FromToolbox(count_ones, (1.0, 1.0), names=names)


def test_weights_of_zero_are_refused():
    with pytest.raises(EvollmError, match="are not objectives"):
        FromToolbox(count_ones, (1.0, 0.0))


@each("alias", ["individual", "mate", "mutate", "evaluate"])
def test_a_missing_entry_is_named(alias):
    box = onemax()
    box.unregister(alias)
    with pytest.raises(EvollmError, match=f"the toolbox has no '{alias}': register"):
        from_toolbox(box)


def test_a_toolbox_without_select_has_none():
    box = onemax(8)
    box.unregister("select")
    parts = from_toolbox(box)
    assert parts.select is None
    flow = ea_simple(parts.start, parts.mate, parts.mutate, select=parts.select, size=8, seed=1)
    assert run(flow, parts.problem, budget=Budget(generations=2)).usage.failed == 0


def test_weights_are_asked_for_where_individuals_have_none():
    box = onemax(4)
    box.register("individual", tools.initRepeat, list, box.bit, 4)
    with pytest.raises(EvollmError, match="no fitness with weights: give weights"):
        from_toolbox(box)
    assert from_toolbox(box, weights=(-1.0,)).objectives == {"obj0": -1.0}


def test_the_form_is_asked_for_where_it_cannot_be_told():
    box = quartic()
    box.register("other", len, primitives())
    with pytest.raises(
        EvollmError, match=r"name 2 primitive sets, of which 2 .* give form=Trees\(pset, Tree\)"
    ):
        from_toolbox(box)
    assert from_toolbox(box, form=Trees(PSET, creator.Tree)).form.pset is PSET


def test_individuals_that_cannot_be_recorded_are_refused():
    box = onemax()
    box.register("individual", object)
    with pytest.raises(EvollmError, match="a genome can't contain a object"):
        from_toolbox(box, weights=(1.0,))


def test_from_toolbox_leaves_the_random_states_alone():
    before = random.getstate()
    from_toolbox(onemax())
    assert random.getstate() == before


def test_the_problem_is_described_with_its_bound_arguments():
    box = base.Toolbox()
    box.register("first", max, 1)
    box.register("second", max, 2)
    assert describe(FromToolbox(box.first, (1.0,))) != describe(FromToolbox(box.second, (1.0,)))
    assert describe(FromToolbox(box.first, (1.0,))) != describe(FromToolbox(box.first, (-1.0,)))


def test_a_toolbox_resumes(tmp_path):
    parts = from_toolbox(onemax(30))

    def found(path, generations):
        flow = ea_simple(
            parts.start, parts.mate, parts.mutate, select=parts.select, size=10, seed=4
        )
        return run(flow, parts.problem, budget=Budget(generations=generations), path=path)

    found(tmp_path / "cut", 3)
    whole, again = found(tmp_path / "whole", 6), found(tmp_path / "cut", 6)
    assert [one.genome for one in whole.population] == [one.genome for one in again.population]
    box = onemax(30)
    box.register("mutate", tools.mutFlipBit, indpb=0.5)
    parts = from_toolbox(box)
    with pytest.raises(EvollmError, match="which was vary by mutate in step"):
        found(tmp_path / "cut", 8)
