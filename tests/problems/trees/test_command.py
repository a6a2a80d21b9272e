"""The trees command: every method, files of the users, and the command line."""

import re
from dataclasses import replace

import pytest
from sklearn.metrics import mean_squared_error

from evollm import Budget
from evollm.cli.main import main
from evollm.llm.base import Sampling
from evollm.llm.client.probes import ODD_TEXT, PROMPT
from problems.trees.command import COMMAND, Options
from tests.evollm.llm.support_faulty import Server, say
from tests.evollm.support_terminal import evollm, refusal, rows
from tests.problems.trees.support_runs import (
    ANSWERS,
    SMALL,
    answer,
    mine,
    ran,
    rows_of,
    section,
    system_of,
)
from tests.support_each import each


@each(
    ("method", "operators", "asks"),
    [
        ("llego", {"GuidedCrossover": 8, "DiverseMutation": 8}, True),
        (
            "mix",
            {"GuidedCrossover": 4, "DiverseMutation": 4, "SubtreeCrossover": 4, "NodeMutation": 4},
            True,
        ),
        ("rewriting", {"SubtreeRewriting": 16}, True),
        ("classical", {"SubtreeCrossover": 8, "NodeMutation": 8}, False),
        ("random", {"RandomTrees": 16}, False),
    ],
)
def test_every_method_breeds_by_its_own_operators(method, operators, asks):
    def sure(prompt, sample, options):
        return "1" if method == "rewriting" else ANSWERS[0]

    system = system_of(replace(SMALL, method=method), model=sure)
    assert system.budget == Budget(generations=25)
    result = ran(system)
    names = [result.candidate(k).operator for k in range(20)]
    assert {name: names.count(name) for name in set(names)} == {"Forest": 4, **operators}
    assert bool(result.usage.calls) == asks


def test_the_model_reads_meanings_and_with_no_semantics_none():
    prompts = []

    def noted(prompt, sample, options):
        prompts.append(prompt)
        return "(x2<100 0 1)" if "x2" in prompt else ANSWERS[0]

    ran(system_of(SMALL, model=noted), generations=1)
    assert "heritage" in prompts[0]
    assert "body_mass_index: weight by the square of height, kg/m2" in prompts[0]
    assert "classes: 0 = no diabetes, 1 = diabetes" in prompts[0]
    named = len(prompts)
    system = system_of(replace(SMALL, semantics=False, fitness=False), model=noted)
    ran(system, generations=1)
    assert not any(
        word in prompt
        for prompt in prompts[named:]
        for word in ("glucose", "diabetes", "mg/dl", "score")
    )


def test_a_file_of_the_users_is_classified(tmp_path):
    options = Options(data=str(mine(tmp_path)), target="Label", method="classical", population=10)
    system = system_of(options)
    result = ran(system, tmp_path / "run", 5)
    assert result.fitness > 0.9
    assert "class: dear" in section(system.report(result), "Tree").text
    assert system.problem.columns.columns[1].categories == ("blue", "green", "red")
    aims = replace(options, objectives="balanced_accuracy,gap", groups="Colour")
    assert len(set(system_of(aims).problem.train.groups)) == 3


def test_a_file_of_the_users_is_a_regression(tmp_path):
    csv = mine(tmp_path)
    prompts = []

    def noted(prompt, sample, options):
        prompts.append(prompt)
        return "(Size_cm<5 3 15)"

    system = system_of(replace(SMALL, data=str(csv), target="Cost"), model=noted)
    result = ran(system, generations=1)
    assert "Predict cost: " in prompts[0]
    assert "loss " in prompts[0]
    best, train = system.problem.fit(result.best.genome), system.problem.train
    loss = mean_squared_error(train.y, best.predict(train.X))
    units = system.units["fitness"]
    assert units.value(result.fitness) == pytest.approx(loss, rel=1e-5)
    assert units.name == "training mse"
    [row] = rows_of(system.report(result), "Scores")
    assert row.pop("objective") == "mse"
    assert all(row[part] > 0 for part in ("train", "valid", "test"))
    other = system_of(replace(SMALL, data=str(csv), target="Cost", objective="r2"), model=noted)
    assert other.units["fitness"].maximize


def test_zeros_are_taken_for_missing_on_demand():
    def gaps(options):
        return [column.gaps for column in system_of(options).problem.columns.columns]

    assert any(gaps(Options(zeros_missing=True)))
    assert not any(gaps(Options()))


def test_what_leaves_say_is_an_option():
    kept = system_of(replace(SMALL, refit_leaves=False)).problem
    assert not kept.refit_leaves
    assert system_of(SMALL).problem.leaves == "objective"
    assert system_of(replace(SMALL, leaves="majority")).problem.leaves == "majority"


def test_a_forest_of_another_seed_is_another_start():
    one, same, other = (
        [result.candidate(k).genome for k in range(4)]
        for result in (
            ran(system_of(replace(SMALL, method="random")), generations=0, seed=seed)
            for seed in (1, 1, 2)
        )
    )
    assert one == same != other


def test_a_control_needs_no_model():
    def connect(prepare=None):
        raise AssertionError("a model was looked for")

    for method in ("classical", "random"):
        system = COMMAND.system(replace(SMALL, method=method), connect)
        assert ran(system).usage.evaluations == 4 + 16


def serve(seen):
    """Speak as an endpoint that knows grammars and log-probabilities."""
    text = (
        ODD_TEXT
        if seen.prompt == PROMPT
        else answer(seen.prompt, 0, Sampling(seed=seen.body["seed"]))
    )
    words = text.split()
    told = {"tokens": words, "token_logprobs": [-1.0] * len(words)}
    return say(text, seen, logprobs=told | {"top_logprobs": [{word: -1.0} for word in words]})


def test_a_run_of_the_command_line_is_shown_and_goes_on(tmp_path):
    few = ("--population", 4, "--max-depth", 2, "--generations", 1, "--seed", 3)
    with Server(serve) as server:
        model = ("--model", "scripted", "--base-url", server.url, "--no-cache")
        done = evollm("run", "trees", "--path", "run", *few, *model, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "(training balanced accuracy) at (" in done.stdout
        assert "|--- " in done.stdout
        [written] = [line for line in done.stdout.splitlines() if line.startswith("written ")]
        files = [f"tree.{end}" for end in ("json", "txt", "dot", "py", "png")]
        assert written.rpartition(" in ")[0].split(", ")[1:] == files
        assert all((tmp_path / "run" / name).is_file() for name in files)
        again = evollm("resume", "run", "--generations", 2, folder=tmp_path)
        assert again.returncode == 0, again.stderr
        assert len(rows(tmp_path / "run", "SELECT * FROM outcomes")) == 4 + 8 + 8
    shown = evollm("show", "run", folder=tmp_path)
    assert "(training balanced accuracy) at (" in shown.stdout
    assert [line for line in shown.stdout.splitlines() if line.startswith("rejected ")]


def test_what_was_read_of_a_file_is_said_before_the_run(tmp_path, capsys):
    path = mine(tmp_path)
    lines = path.read_text().replace(",", ";").splitlines()
    lines[1:6] = [f"?;{line.partition(';')[2]}" for line in lines[1:6]]
    path.write_text("\n".join([f";{lines[0]}", *(f"{i};{one}" for i, one in enumerate(lines[1:]))]))
    call = ["run", "trees", "--data", str(path), "--target", "Label", "--method", "classical"]
    few = ["--population", "4", "--generations", "1", "--quiet", "--path", str(tmp_path / "run")]
    assert main([*call, *few]) == 0
    said = capsys.readouterr().out.splitlines()[:8]
    assert [re.sub(r"[0-9.]+ to [0-9.]+", "..", line) for line in said] == [
        "mine: 200 rows, 4 columns",
        "  cells separated by semicolons",
        "  the first column has no name, and was omitted as an index",
        "  Size cm: '?' was treated as missing in 5 rows",
        "  size_cm                  number     ..; 5 missing",
        "  colour                   category   blue, green, red",
        "  cost                     number     ..",
        "  label                    target     classification: cheap (92), dear (108)",
    ]
    more = ["--separator", ";", "--missing=-9,none", "--dry-run", "--numeric", "Size cm,Cost"]
    assert main([*call, *more]) == 1
    assert "column 'Size cm' contains '?', which is not a number" in capsys.readouterr().err
    assert main([*call, "--separator", ";", "--missing", "?", "--dry-run"]) == 0
    assert "size_cm                  number" in capsys.readouterr().out
    assert main(["run", "trees", "--method", "classical", "--dry-run"]) == 0
    assert "rows" not in capsys.readouterr().out


def test_a_dry_run_asks_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    few = ("--population", "4", "--generations", "2")
    for more in ([], ["--objectives", "balanced_accuracy,size"], ["--method", "mix"]):
        assert main(["run", "trees", "--dry-run", *few, *more]) == 0
        said = capsys.readouterr().out
        assert "budget        2 generations" in said
        assert "classes: 0 = no diabetes" in said
    assert main(["run", "trees", "--dry-run", "--method", "classical"]) == 0
    assert "is not asked" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_the_terminal_refuses_in_one_sentence(tmp_path):
    said = refusal(evollm("run", "trees", "--data", "pina", folder=tmp_path))
    assert "no data set 'pina'; did you mean 'pima'?" in said
    assert not list(tmp_path.iterdir())


def test_processes_find_what_one_thread_finds(tmp_path):
    call = ["run", "trees", "--method", "classical", "--population", "6", "--quiet"]
    limit = ["--generations", "2", "--path"]
    assert main([*call, *limit, str(tmp_path / "one")]) == 0
    more = ["--executor", "processes", "--workers", "2"]
    assert main([*call, *more, *limit, str(tmp_path / "two")]) == 0
    query = "SELECT candidate, fitness, metrics FROM outcomes ORDER BY candidate"
    assert rows(tmp_path / "one", query) == rows(tmp_path / "two", query)


@pytest.mark.model
def test_the_offline_model_grows_trees(tmp_path, capsys):
    few = ["--population", "4", "--max-depth", "2", "--generations", "1", "--quiet"]
    path = tmp_path / "run"
    assert main(["run", "trees", "--model", "offline", *few, "--path", str(path)]) == 0
    assert capsys.readouterr().out.count(" 100.0% of ") == 2
    assert len(rows(path, "SELECT * FROM outcomes")) == 4 + 8
    assert (path / "tree.json").is_file()
