"""Teacher trajectories: real searches become examples, and those read like a search's prompts."""

import re

import numpy as np
import pytest

from evollm import Budget, EvollmError, run
from evollm.algorithms import generational
from evollm.functions import operator
from evollm.llm.scripted import Scripted
from operators.vectors.rows import RowFormat, encode
from problems.blackbox.bbob import bbob
from problems.blackbox.context import Context
from problems.blackbox.controls import cma_es, hill_climbing, random_search
from problems.blackbox.paper import Paper
from problems.blackbox.teaching.examples import load
from problems.blackbox.teaching.teacher import ExampleSpec, distil, export, main, recorded_answers
from problems.blackbox.teaching.trajectory import generations, target_of
from tests.support_each import each

PROBLEM, SPACE, _ = bbob("rosenbrock", 3)
PLAIN = RowFormat()


def searched(flow, evaluations=60, path=None):
    return run(flow, PROBLEM, budget=Budget(evaluations), path=path)


def nudge(prompt, sample, options):
    """Answer the row above, a little changed."""
    text = prompt if isinstance(prompt, str) else prompt[0]["content"]
    row = re.findall(r"\d+", text.split("\n")[-2].rpartition(":")[2])
    return ",".join(str(min(int(n) + 3, 1000)) for n in row)


def papered(path=None, answer=nudge, **settings):
    strategy = Paper(context=Context(3, 4), **settings)
    return searched(strategy.flow(Scripted(answer), SPACE, (), 5), 50, path)


def recorded(result):
    return [
        (prompt, answer)
        for prompt, answer in result.record.rows(
            "SELECT json_extract(request, '$.prompt'), json_extract(answer, '$.text') FROM calls"
            " ORDER BY id"
        )
    ]


@each("block", [8, 2])
def test_what_a_search_shows_its_model_is_what_is_taught_of_it(block):
    result = papered(block=block)
    lesson = ExampleSpec(PLAIN, Context(3, 4), block=block, hindsight=False)
    taught = distil(result, lesson)
    assert [(one.prompt, one.answer) for one in taught] == recorded(result)
    assert len(taught) == 6 * {8: 1, 2: 2}[block]


def test_the_recorded_answers_can_be_taught_instead():
    result = papered()
    assert [(one.prompt, one.answer) for one in recorded_answers(result)] == recorded(result)
    answers = iter(["no", "1,2,3", "1,2", "2000,2,3", "4,5,6"] + ["7,8,9"] * 99)
    broken = papered(answer=lambda *_: next(answers))
    assert [one.answer for one in recorded_answers(broken)] == ["1,2,3", "4,5,6"] + ["7,8,9"] * 3
    chatted = papered(form=RowFormat(header=True), mode="chat")
    assert len(recorded_answers(chatted)) == 6
    assert all(one.prompt.startswith("Each line is") for one in recorded_answers(chatted))


def test_of_cma_es_the_average_of_its_samples_is_taught():
    result = searched(cma_es(3, seed=2))
    taught = distil(result, ExampleSpec(PLAIN, Context(2, 3)))
    steps = generations(result.record)[1:]
    assert len(taught) == len(steps) == 50 // 7
    for one, step in zip(taught, steps, strict=True):
        mean = np.mean([row.genome for row in step], axis=0)
        assert one.row == encode(mean, 1000).tolist()
        assert float(one.prompt.split("\n")[-1][:-1]) == pytest.approx(
            -max(row.fitness for row in step), rel=1e-3
        )


def test_of_hill_climbing_the_point_that_it_climbs_from_is_taught():
    result = searched(hill_climbing(3, seed=1))
    taught = distil(result, ExampleSpec(PLAIN))
    steps = generations(result.record)
    for i, one in enumerate(taught, 1):
        best = max((row for step in steps[:i] for row in step), key=lambda row: row.fitness)
        assert one.row == encode(best.genome, 1000).tolist()


def test_the_best_point_can_be_the_target_and_only_progress_taught():
    result = searched(hill_climbing(3, seed=1))
    steps = generations(result.record)
    best = [max(step, key=lambda row: row.fitness) for step in steps]
    taught = distil(result, ExampleSpec(PLAIN, target="best"))
    assert [one.row for one in taught] == [encode(one.genome, 1000).tolist() for one in best[1:]]
    so_far = [max(one.fitness for one in best[:i]) for i in range(1, len(best))]
    progress = [one for one, known in zip(best[1:], so_far, strict=True) if one.fitness > known]
    taught = distil(result, ExampleSpec(PLAIN, target="best", improved=True))
    assert [one.row for one in taught] == [encode(one.genome, 1000).tolist() for one in progress]
    assert 0 < len(taught) < len(steps) - 1
    for one in taught:
        *_, above, query = one.prompt.split("\n")
        assert float(query[:-1]) < float(above.split(":")[0])


@each(
    "form",
    [
        RowFormat(loss="scaled"),
        RowFormat(loss="rank"),
        RowFormat(loss="none"),
        RowFormat(delta=None),
    ],
)
def test_every_form_can_be_taught_and_loaded(form, tmp_path):
    made = export(searched(cma_es(3)), tmp_path / "x.jsonl", ExampleSpec(form, block=2))
    found = load(tmp_path / "x.jsonl")
    assert made == len(found) == 2 * 7
    assert {len(one.row) for one in found} == {1, 2}


def test_the_mean_of_a_generation_that_holds_it_is_that_mean():
    result = papered(evaluate_mean=True)
    for step in generations(result.record)[4:]:
        [mean] = [one for one in step if one.operator == "Recombination"]
        assert np.array_equal(target_of(result.record, step, "mean"), mean.genome)


def test_folders_and_results_go_into_one_file_as_they_are_given(tmp_path):
    one = searched(hill_climbing(3), path=tmp_path / "one")
    searched(cma_es(3), path=tmp_path / "two")
    file = tmp_path / "x.jsonl"
    assert export([one, tmp_path / "two"], file) == len(load(file)) == 10 + 7
    assert load(file) == distil(tmp_path / "one") + distil(str(tmp_path / "two"))


@operator
def word(parents, rng):
    return "".join(rng.choice(list("ab"), 5))


def test_what_teaches_nothing_is_refused(tmp_path):
    file = tmp_path / "x.jsonl"
    with pytest.raises(EvollmError, match="no generation that a teacher has chosen"):
        export(searched(random_search(3)), file)
    with pytest.raises(EvollmError, match="no usable answer"):
        export(searched(hill_climbing(3)), file, answers=True)
    words = run(generational(word, word, size=4, seed=0), len, budget=Budget(12))
    with pytest.raises(EvollmError, match="not points of the unit cube"):
        distil(words)
    with pytest.raises(EvollmError, match="not a run directory"):
        export(tmp_path / "none", file)
    with pytest.raises(EvollmError, match="best"):
        ExampleSpec(context=Context(order="random"))
    with pytest.raises(EvollmError, match="block must be 1 or more"):
        ExampleSpec(block=0)
    assert not file.exists()


def test_the_command_writes_what_the_function_does(tmp_path, capsys):
    searched(cma_es(3), path=tmp_path / "run")
    file, other = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    options = ("--shown", "2", "--members", "4", "--block", "2", "--loss", "rank", "--no-header")
    assert main([str(tmp_path / "run"), "--out", str(file), *options]) == 0
    assert capsys.readouterr().out == f"14 examples in {file}\n"
    export(tmp_path / "run", other, ExampleSpec(RowFormat(loss="rank"), Context(2, 4), block=2))
    assert file.read_text() == other.read_text()


@each(
    ("options", "message"),
    [
        (("--source", "calls"), "no usable answer"),
        (("--block", "0"), "block must be 1"),
        (("--resolution", "0"), "resolution must be 1"),
        (("--shown", "0"), "--shown must be 1 or more"),
    ],
)
def test_the_command_refuses_in_one_sentence(tmp_path, capsys, options, message):
    searched(hill_climbing(3), path=tmp_path / "run")
    assert main([str(tmp_path / "run"), "--out", str(tmp_path / "x"), *options]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("evollm: ")
    assert said.count("\n") == 1
