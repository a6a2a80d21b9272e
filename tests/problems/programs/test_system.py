"""The search improves a program, learns from failures, and goes on after a kill."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError, Result
from evollm.store import queries, rows
from evollm.store.record import Record
from evollm.testing import ProblemKit, SystemKit
from evollm.types import Candidate, Individual, Outcome
from operators.programs import MutateSource
from operators.programs.prompting import FAILED, FEEDBACK
from problems.programs import Programs, ProgramsSettings, ScoredPrograms, read
from problems.programs.selecting import Shown, best_and_latest_failure, kinds
from tests.problems.programs.support_tasks import EVALUATOR, LIMITS, PROGRAM, run, system, task
from tests.support_each import each


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return task(tmp_path_factory.mktemp("task"))


class TestPrograms(SystemKit):
    @pytest.fixture
    def case(self, folder: Path) -> Any:
        return (lambda: system(folder)), 2


class TestScoredPrograms(ProblemKit):
    @pytest.fixture
    def case(self, folder: Path) -> Any:
        problem = ScoredPrograms(read(folder), LIMITS)
        return problem, ["def number():\n    print(1 / 0)\n"], None


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Result[str]:
    return run(tmp_path_factory.mktemp("run") / "whole", folder)


def test_failures_are_recorded_and_shown_in_the_next_prompts(
    whole: Result[str], folder: Path, tmp_path: Path
) -> None:
    scored = list(rows.evaluations(whole.record))
    failed = [one for one in scored if one.error]
    assert failed
    assert all(one.error == "IndexError: list index out of range (line 5 of the program)"
               for one in failed)  # fmt: skip
    assert "in number" in failed[0].info[FEEDBACK]["traceback"]
    working = next(one for one in scored if not one.error)
    assert working.info == {FEEDBACK: {"parity": "it is odd"}, FAILED: False}
    texts = "".join(str(call.request) for call in rows.calls(whole.record))
    assert "A version that failed" in texts
    assert "IndexError: list index out of range" in texts
    assert whole.best is not None
    assert whole.best.fitness == max(one.fitness for one in scored) > 0.1
    [program, changes] = system(folder).export(whole, tmp_path)
    value = round(whole.best.fitness * 10)
    assert program.read_text() == PROGRAM.replace("return 1", f"return {value}")
    assert f"+    return {value}" in changes.read_text()
    assert f"+    return {value}" in system(folder).report(whole).text()


def test_a_killed_search_goes_on_and_comes_to_the_same(
    whole: Result[str], folder: Path, tmp_path: Path
) -> None:
    words = [sys.executable, "-m", "tests.problems.programs.support_tasks"]
    search = subprocess.Popen([*words, str(tmp_path / "run"), str(folder)])
    for _ in range(600):
        time.sleep(0.05)
        if search.poll() is not None or _evaluations(tmp_path / "run") >= 3:
            break
    search.send_signal(signal.SIGKILL)
    search.wait()
    assert _evaluations(tmp_path / "run") >= 3
    again = run(tmp_path / "run", folder)
    outcomes = [(one.candidate, one.fitness, one.error) for one in rows.evaluations(again.record)]
    expected = [(one.candidate, one.fitness, one.error) for one in rows.evaluations(whole.record)]
    assert outcomes == expected
    task_file = folder / "evaluator.py"
    task_file.write_text(EVALUATOR + "# another one\n")
    try:
        with pytest.raises(EvollmError, match="program"):
            run(tmp_path / "run", folder, 10)
    finally:
        task_file.write_text(EVALUATOR)


def _evaluations(path: Path) -> int:
    try:
        with Record(path, write=False) as record:
            return queries.usage(record).evaluations
    except Exception:  # it is not there yet
        return 0


def test_islands_drop_duplicates_and_keep_the_latest_failure(folder: Path) -> None:
    found = system(folder, search="islands").run(Budget(evaluations=6), seed=2)
    assert found.best is not None
    assert found.best.fitness > 0.1
    assert sum(one.error is not None for one in found.population) <= 2


def test_an_initial_program_that_can_t_be_scored_ends_the_run(tmp_path: Path) -> None:
    made = task(tmp_path, evaluator="import nothing_of_this_name\n")
    with pytest.raises(EvollmError, match=r"can't be scored: ModuleNotFoundError: .*evaluator.py"):
        system(made).run(Budget(evaluations=2))


def one(number: int, fitness: float, error: str | None = None, info: Any = None) -> Any:
    candidate = Candidate(number, f"x = {number}\n", (), "", 0)
    return Individual(candidate, Outcome(fitness, {"m": 0.25}, error, info))


def test_prompts_show_the_best_and_the_latest_failure_beside_the_program_to_change() -> None:
    rng = np.random.default_rng(0)
    pool = [one(i, float(i)) for i in range(5)] + [one(5, 0, "a"), one(6, 0, "b")]
    pool.append(one(7, 0.0, None, {FAILED: True}))
    first = lambda pool, k, rng: [pool[1]]  # noqa: E731
    shown = Shown(0.0, first)(pool, 4, rng)
    assert [shown[0].id, shown[1].id, shown[3].id] == [1, 4, 7]
    assert shown[2].id in (0, 2, 3)
    assert [o.id for o in Shown(1.0, first)(pool, 3, rng)] == [7, 4, 3]
    assert [o.id for o in Shown(0.0, first)(pool, 1, rng)] == [1]
    assert [o.id for o in Shown(0.0, first)(pool[5:7], 4, rng)] == [6]
    assert [o.id for o in best_and_latest_failure(pool, 2, rng)] == [4, 3, 7]


def test_cells_are_made_of_length_loops_and_metrics(folder: Path) -> None:
    frame = read(folder).frame
    kind = kinds("length, loops, m:0:1", frame)
    short, looped = one(1, 1.0), one(2, 1.0)
    object.__setattr__(looped.candidate, "genome", "for i in [j for j in 'ab']:\n    pass\n" * 3)
    assert kind(short) == (5, 0, 2)
    assert kind(looped)[1] == 6  # type: ignore[index]
    assert kind(one(3, 1.0, "broken")) is None
    for text in ("size", "m:1:0", "m:a:b", "", ":0:1"):
        with pytest.raises(EvollmError, match="features must be"):
            kinds(text, frame)


@each(
    ("setting", "value"),
    [("method", "luck"), ("children", 0), ("repair", 2.0), ("form", "patch"), ("beside", -1)],
)
def test_settings_are_checked(setting: str, value: Any) -> None:
    with pytest.raises(EvollmError, match=setting):
        ProgramsSettings(**{setting: value})


def test_controls_ask_no_model_and_other_languages_have_none(folder: Path, tmp_path: Path) -> None:
    assert all(isinstance(control.editor(), MutateSource)
               for control in system(folder).controls().values())  # fmt: skip
    (tmp_path / "initial_program.cpp").write_text("int x;")
    (tmp_path / "evaluator.py").write_text(EVALUATOR)
    assert Programs.of(tmp_path).controls() == {}
