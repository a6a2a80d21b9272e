"""Examples of better trees: what prompts and answers hold, and that seeds repeat them."""

import re

import numpy as np
import pytest

from evollm import EvollmError
from operators.trees.columns import Columns
from operators.trees.reading import read
from problems.trees.teaching.searches import searched
from problems.trees.teaching.tables import MadeUpTables
from problems.trees.teaching.teacher import TreeTeacher

SMALL = TreeTeacher(MadeUpTables(rows=(40, 60)), population=6, generations=6)


def test_examples_are_determined_by_the_seed() -> None:
    assert SMALL.examples(7, 3) == SMALL.examples(7, 3)
    assert SMALL.examples(7, 3) != SMALL.examples(7, 4)
    assert len(SMALL.examples(7, 3)) == 7


def test_answers_are_trees_that_are_as_good_as_asked_for() -> None:
    crossover = [one for one in SMALL.examples(40, 0) if one.answer.startswith(" ")]
    assert 10 < len(crossover) < 40
    for example in crossover:
        *shown, query = re.findall(r"^(score|loss) (\S+):", str(example.prompt), re.MULTILINE)[-5:]
        sign = 1 if query[0] == "score" else -1
        scores = [sign * float(number) for _, number in shown]
        assert scores == sorted(scores)
        assert sign * float(query[1]) >= scores[-1]
        names = set(re.findall(r"x\d+", str(example.prompt) + example.answer))
        width = max(int(name[1:]) for name in names)
        classes = range(10) if query[0] == "score" else ()
        labels = {f"x{i + 1}": tuple(f"c{code}" for code in range(5)) for i in range(width)}
        listed = {name: labels[name] for name in names if f"{name} in{{" in example.answer}
        columns = Columns.of(np.zeros((2, width)), categories=listed, classes=classes)
        found = read(example.answer.strip(), columns, 4)
        assert found.tree is not None or "?" in example.answer, found.fault


def test_a_search_keeps_its_best_and_knows_all_that_were_born() -> None:
    rng = np.random.default_rng(1)
    problem = MadeUpTables(rows=(60, 60)).draw(rng)
    search = searched(problem, 3, 6, 5, rng)
    best = [max(one.fitness for one in pool) for pool in search.populations]
    assert best == sorted(best)
    assert [len(born) for born in search.born] == [6, *[12] * 5]
    assert best[-1] == max(one.fitness for born in search.born for one in born)


def test_tables_have_all_sorts_of_columns() -> None:
    drawn = [MadeUpTables().draw(np.random.default_rng(seed)) for seed in range(60)]
    columns = [one for problem in drawn for one in problem.columns.columns]
    assert any(one.categories for one in columns)
    assert any(one.gaps for one in columns)
    assert 3 < sum(not problem.columns.classes for problem in drawn) < 30
    assert {len(problem.columns.classes) for problem in drawn} >= {0, 2, 3}


def test_impossible_teachers_are_refused() -> None:
    with pytest.raises(EvollmError, match="depths must be numbers of 1 or more"):
        TreeTeacher(depths=())
    with pytest.raises(EvollmError, match="population must be"):
        TreeTeacher(population=0)
