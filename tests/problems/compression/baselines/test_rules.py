"""Rules in place of a search: the budget, the systems that they are, and the table beside a run."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evollm import Budget
from evollm.store import rows
from problems.compression.baselines.rules import RULES, Given, Walks, choice, rules_for
from problems.compression.fitness import HELD_OUT
from problems.compression.present.beside import FILE, _seed, beside
from tests.problems.compression.support_search import KINDS, SMALL, Made
from tests.support_each import each


@each("kind", [kind for kind in KINDS if kind != "whole"])
def test_every_rule_keeps_the_budget_and_is_determined_by_the_seed(kind: str, tiny: Made) -> None:
    system = tiny.system(kind)
    system.problem.prepare()
    space, rules = system.problem.space, rules_for(system.problem)
    assert "random search" in rules
    for name in rules:
        rule = RULES[name]
        one, again = Given(system.problem, SMALL, 1), Given(system.problem, SMALL, 1)
        genome = rule(one)
        assert space.layout.cost(space.layout.check(genome)) <= space.budget, name
        np.testing.assert_array_equal(genome, rule(again), name)
        assert one.tokens == again.tokens or name == "greedy by KL"  # known scores cost nothing


def test_random_search_spends_about_the_search_s_tokens(tiny: Made) -> None:
    system = tiny.system("depth")
    given = Given(system.problem, SMALL)
    RULES["random search"](given)
    tokens = SMALL.tokens(system.problem.space, SMALL.generations)
    assert 0.6 * tokens <= given.tokens <= 1.1 * tokens


def test_random_levels_of_a_uniform_budget_differ_and_keep_it(tiny: Made) -> None:
    space = tiny.system("quantization").problem.space
    made = Walks(space).vary([], 20, 0).genomes
    assert all(space.layout.cost(genome) == space.budget for genome in made)
    assert len({genome.tobytes() for genome in made}) > 15


def test_controls_are_systems_on_the_same_problem(tiny: Made) -> None:
    system = tiny.system("depth")
    controls = system.controls()
    assert set(controls) == set(rules_for(system.problem))
    found = controls["ShortGPT"].search(seed=0)
    assert found.system.problem is system.problem
    assert found.bytes <= found.budget
    assert found.held_out is not None


def test_the_report_has_rules_beside_the_result_and_computes_them_once(
    tiny: Made, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tiny.system("depth", beside="quick")
    result = system.run(Budget(generations=1), path=tmp_path / "run")
    known = system.compressed(result)
    found = beside(known)
    assert [one.name for one in found] == list(rules_for(system.problem, "quick"))
    [own] = system.problem.evaluate([known.genome], HELD_OUT, 0)
    for one in found:
        assert one.above == pytest.approx(one.kl - own.metrics["kl"], abs=1e-5)
    assert json.loads((tmp_path / "run" / FILE).read_text())["chosen"] == known.chosen.id
    monkeypatch.setattr("problems.compression.present.beside._computed", lambda known: 1 / 0)
    assert beside(known) == found
    assert [_seed(c) for c in ({"seed": 3}, {"run": {"seed": 4}}, {})] == [3, 4, 0]
    assert "Rules at equal bytes" in system.report(result).text()


def test_an_informed_search_starts_from_the_best_of_rules_and_random_levels(tiny: Made) -> None:
    informed = replace(SMALL, informed=True, start_tokens=48)
    system = tiny.system("depth", schedule=informed)
    result = system.run(Budget(generations=0))
    first = [one for one in rows.evaluations(result.record) if one.step == 0]
    quick = [name for name in rules_for(system.problem, "quick") if name != "uniform"]
    assert len(first) == SMALL.starts + len(quick)
    assert not result.record.path
    given = Given(system.problem, informed)
    np.testing.assert_array_equal(first[0].genome, RULES[quick[0]](given))
    assert choice(quick[0], system.problem, informed) is choice(quick[0], system.problem, informed)
    assert system.choose(result).fitness == max(one.fitness for one in first)
