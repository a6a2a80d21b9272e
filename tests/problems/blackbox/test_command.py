"""The blackbox command: its options reach the search, and wrong ones are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from evollm import EvollmError
from evollm.cli.main import main
from evollm.llm.scripted import Scripted
from evollm.store.record import Record
from problems.blackbox.command import COMMAND, Options
from tests.support_each import each

MINE = """
import time


def bowl(x):
    return float(((x - 1) ** 2).sum())


def lazy(x):
    if x[0] > 0:
        time.sleep(60)
    return float(x[0])


number = 3
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def system_of(options):
    return COMMAND.system(options, lambda prepare=None: Scripted(lambda prompt, i, given: "40,60"))


@each("method", ["framed", "paper", "random", "hill", "recombination", "cma"])
def test_every_method_spends_its_default_budget(method):
    system = system_of(Options(method=method))
    result = system.run()
    asks = method in ("framed", "paper")
    assert result.usage.evaluations == 100
    assert bool(result.usage.calls) == asks
    assert ("0.0% of the children requested from the model" in system.report(result).text()) == asks


def test_a_value_is_written_above_the_optimum_and_the_target_meant_so():
    system = system_of(Options(method="cma", target=0.5))
    result = system.run(replace(system.budget, evaluations=1000))
    assert result.reasons.keys() == {"target"}
    assert 0 <= system.units["fitness"].value(result.fitness) <= 0.5


def test_a_function_of_the_users_is_minimised_or_maximised_in_its_box(file):
    options = Options(function=f"{file}:bowl", bounds="-2,3", method="random")
    for maximize in (False, True):
        system = system_of(replace(options, maximize=maximize))
        result = system.run()
        found = [system.problem.space.decode(genome) for genome in result.dataframe()["genome"]]
        values = [float(((x - 1) ** 2).sum()) for x in found]
        assert all((x >= -2).all() and (x <= 3).all() for x in found)
        best = (max if maximize else min)(values)
        assert system.units["fitness"].text(result.fitness) == f"{best:.6g}"


@each(
    ("wrong", "message"),
    [
        ({"dimension": 0}, "--dimension must be 1 or more, not 0"),
        ({"population": 0}, "--population must be 1 or more, not 0"),
        ({"warmup": -1}, "--warmup must be 1 or more, not -1"),
        ({"method": "cma", "population": 1}, "2 or more for --method cma"),
        ({"function": "mine.py"}, r"does not name an object in a file: give FILE\.py:NAME"),
        (
            {"function": "carpole"},
            r"sphere, .*, cartpole, acrobot, or your own function as FILE\.py:NAME$",
        ),
        ({"function": "cartpole", "hidden": "a"}, "--hidden must be numbers"),
        ({"function": "cartpole", "bounds": "-1,2"}, "must be -X,X"),
        ({"function": "cartpole", "episodes": 0}, "--episodes must be 1 or more"),
        ({"target": float("nan")}, "--target must be a finite number"),
        ({"maximize": True}, "--maximize is for your own function"),
        ({"constraints": "mine.py:bowl"}, "--constraints is for your own function"),
        ({"function": "mine.py:nothing"}, "does not define nothing"),
        ({"function": "mine.py:number"}, "does not define a function number"),
        ({"function": "bad.py:f"}, "can't be loaded: ZeroDivisionError"),
        ({"function": "exits.py:f"}, "can't be loaded: SystemExit: 2"),
        ({"function": "none.py:f"}, "there is no Python file"),
        ({"function": "mine.py:bowl", "bounds": "1"}, "must be two numbers LOW,HIGH"),
        ({"function": "mine.py:bowl", "bounds": "1,x"}, "--bounds must be numbers such as -5,5"),
        ({"function": "mine.py:bowl", "bounds": "2,1"}, "below the upper"),
    ],
)
def test_a_search_that_would_never_begin_is_refused(wrong, message, file, monkeypatch):
    monkeypatch.chdir(file.parent)
    Path("bad.py").write_text("1 / 0\n")
    Path("exits.py").write_text("raise SystemExit(2)\n")
    with pytest.raises(EvollmError, match=message):
        system_of(Options(**wrong))


def ran(file, name, path, *more):
    options = ("--function", f"{file}:{name}", "--bounds", "-5,5", "--path", str(path), *more)
    return main(["run", "blackbox", "--method", "random", "--quiet", *options])


@each("task", ["cartpole", "acrobot"])
def test_a_policy_is_bred_and_tested_again(task, tmp_path, capsys):
    options = ("--hidden", "none", "--episodes", "1", "--method", "cma", "--evaluations", "20")
    path = ("--path", str(tmp_path / "run"), "--quiet")
    assert main(["run", "blackbox", "--function", task, *options, *path]) == 0
    report = capsys.readouterr().out
    assert "weights, candidate" in report
    assert "in 64 unseen episodes" in report
    assert main(["resume", str(tmp_path / "run"), "--evaluations", "24", "--quiet"]) == 0
    assert len(scores(tmp_path / "run")) == 24


def test_a_control_task_has_a_budget_population_and_box_of_its_own():
    options = Options(function="cartpole", method="random", hidden="3,2", episodes=1)
    system = system_of(options)
    assert system.budget.evaluations == 20 * 16
    assert len(system.problem.space) == 5 * 3 + 4 * 2 + 3 * 2
    assert system.problem.space.dimensions[0].high == 3.0
    result = system.run(replace(system.budget, evaluations=16))
    assert {one.step for one in result.population} == {0}
    assert system.units["fitness"].text(result.fitness) == f"{result.fitness:.6g}"


def test_a_run_goes_on_where_its_folder_has_been_moved_to(file, tmp_path, monkeypatch):
    home, moved = tmp_path / "home", tmp_path / "moved"
    home.mkdir()
    file.rename(home / "mine.py")
    monkeypatch.chdir(home)
    assert ran("mine.py", "bowl", home / "run", "--evaluations", "10") == 0
    monkeypatch.chdir(tmp_path)
    home.rename(moved)
    monkeypatch.chdir(moved)
    assert main(["resume", "run", "--evaluations", "20", "--quiet"]) == 0
    assert len(scores(moved / "run")) == 20


def scores(path):
    with Record(path, write=False) as record:
        query = "SELECT candidate, fitness, error FROM outcomes ORDER BY candidate"
        return record.rows(query)


def test_processes_find_what_one_thread_finds(file, tmp_path):
    assert ran(file, "bowl", tmp_path / "one") == 0
    more = ("--executor", "processes", "--workers", "2")
    assert ran(file, "bowl", tmp_path / "two", *more) == 0
    assert scores(tmp_path / "one") == scores(tmp_path / "two")


@pytest.mark.ray
def test_ray_workers_find_what_one_thread_finds(file, tmp_path, ray_session):
    assert ran(file, "bowl", tmp_path / "one") == 0
    assert ran(file, "bowl", tmp_path / "two", "--executor", "ray") == 0
    assert scores(tmp_path / "one") == scores(tmp_path / "two")


def test_an_evaluation_that_takes_too_long_is_one_failure(file, tmp_path):
    limits = ("--executor", "processes", "--workers", "2", "--time-limit", "0.5")
    assert ran(file, "lazy", tmp_path / "run", *limits, "--evaluations", "8") == 0
    found = scores(tmp_path / "run")
    late = [error for _, _, error in found if error]
    assert len(found) == 8
    assert 0 < len(late) < 8
    assert all("0.5" in error for error in late)
