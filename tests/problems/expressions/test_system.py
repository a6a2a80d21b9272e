"""Symbolic regression as a system: its contract, methods, held-out rows, front and files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError
from evollm.llm.scripted import Scripted
from evollm.store import rows
from evollm.testing import SystemKit
from operators.expressions.genome import height, key_of
from operators.expressions.reading import read
from problems.expressions.benchmarks import benchmark
from problems.expressions.fitness import Rows
from problems.expressions.settings import ExpressionSettings
from problems.expressions.system import SymbolicRegression
from tests.support_each import checks, each

TRAIN, TEST = benchmark("nguyen-9").rows(0)
SMALL = ExpressionSettings(population=20, brood=2)
ANSWERS = ("x*y", "sin(x) + y", "x + sin(y^2)", "nonsense(", "log(x)")


def answer(prompt: Any, sample: int, sampling: Any) -> str:
    text = ANSWERS[sampling.seed % len(ANSWERS)]
    return text if sampling.seed % 2 else f"{text}*{1 + sampling.seed % 97}"


def system(**chosen: Any) -> SymbolicRegression:
    settings = replace(SMALL, **chosen)
    return SymbolicRegression.of(
        TRAIN.X, TRAIN.y, settings, names=("x", "y"), model=Scripted(answer), test=TEST
    )


@each("chosen", [{}, {"operators": "mix"}, {"parsimony": True}])
@each("check", checks(SystemKit))
def test_conformance(check: Callable[..., None], chosen: Any, tmp_path: Path) -> None:
    check((lambda: system(**chosen), 45), tmp_path)


@pytest.fixture(scope="module")
def mixed() -> Any:
    """A run of both kinds of operators."""
    found = system(operators="mix")
    return found, found.run(Budget(generations=8), seed=1)


def test_a_mix_has_children_of_the_model_and_of_deap_and_no_duplicates(mixed):
    _, result = mixed
    made = [result.candidate(one.candidate) for one in rows.evaluations(result.record)]
    operators = {one.operator for one in made}
    assert operators == {"random_expressions", "TextCrossover", "TextMutation", "classical"}
    keys = [key_of(one.genome) for one in made]
    assert len(set(keys)) == len(keys)
    assert all(len(one.genome) <= 40 and height(one.genome) <= 8 for one in made)


def test_the_test_rows_are_scored_once_and_reported(mixed):
    found, result = mixed
    [final] = result.finals
    assert final.id == found.choose(result).id
    wanted = found.formula(found.choose(result)).predict(TEST.X)
    rest = np.mean((wanted - TEST.y) ** 2) / TEST.y.var()
    assert final.metrics["test_r2"] == pytest.approx(1 - rest)
    text = found.report(result).text()
    assert f"formula  y = {found.formula(found.choose(result)).text()}" in text
    assert "\ntest " in text


def test_the_prompt_names_the_task_and_the_answers_are_held_to_a_grammar():
    asked = []

    def noted(prompt, sample, sampling):
        asked.append((prompt, sampling))
        return answer(prompt, sample, sampling)

    found = replace(system(operators="model"), model=Scripted(noted), task="A wave.")
    result = found.run(Budget(generations=2), seed=0)
    prompt, sampling = asked[0]
    assert "A wave. Find an expression for y in x, y, with numbers, + - * / ^ and sin" in prompt
    assert "Score -" in prompt
    assert sampling.grammar.startswith("root ::= sum3")
    assert result.usage.calls > 10
    plain = replace(system(operators="model", hold="none"), model=Scripted(noted))
    plain.run(Budget(generations=1), seed=0)
    assert asked[-1][1].grammar is None


def test_validation_rows_choose_from_the_last_population():
    odd = Rows.of(TEST.X, TEST.X[:, 0])
    found = replace(system(), valid=odd)
    result = found.run(Budget(generations=2), seed=0)
    chosen = found.choose(result)
    errors = [
        np.nanmean((found.formula(one).predict(odd.X) - odd.y) ** 2)
        for one in result.population
        if one.error is None
    ]
    own = np.nanmean((found.formula(chosen).predict(odd.X) - odd.y) ** 2)
    assert own == pytest.approx(min(errors))
    assert len(result.finals) == len(errors) + 1


def test_a_front_of_error_and_size_is_written(tmp_path):
    found = system(parsimony=True)
    result = found.run(Budget(generations=4), seed=2)
    names = [file.name for file in found.export(result, tmp_path)]
    assert names == ["formula.txt", "formula.py", "formula.tex", "front.json"]
    members = json.loads((tmp_path / "front.json").read_text())
    sizes, errors = ([one[name] for one in members] for name in ("size", "train_nrmse"))
    assert sizes == sorted(set(sizes))
    assert errors == sorted(errors, reverse=True)
    text = (tmp_path / "formula.txt").read_text().removeprefix("y = ")
    read(text, found.problem.primitives)


def test_where_all_fails_the_error_says_why():
    settings = ExpressionSettings(
        population=4, functions="mul,log", constants=0, operators="random", max_height=1
    )
    found = SymbolicRegression.of(-np.ones((5, 1)) * 1e300, np.arange(5.0), settings)
    with pytest.raises(EvollmError, match="failed, the last with: the value of"):
        found.run(Budget(evaluations=4), seed=0)


def test_columns_and_settings_that_do_not_fit_are_refused():
    with pytest.raises(EvollmError, match="2 columns and 1 names"):
        SymbolicRegression.of(TRAIN.X, TRAIN.y, names=("x",))
    for chosen, said in (
        ({"population": 0}, "population must be a whole number"),
        ({"operators": "clasical"}, "operators must be one of classical"),
        ({"constants": -1.0}, "constants must be at least 0"),
        ({"parsimony": True, "offspring": 3}, "offspring must be none with parsimony"),
    ):
        with pytest.raises(EvollmError, match=said):
            ExpressionSettings(**chosen)
