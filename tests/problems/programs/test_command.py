"""The command reads a task's folder, prints what it would ask, runs, goes on and exports."""

from pathlib import Path

import pytest

from evollm import EvollmError
from evollm.cli.main import main
from evollm.store import queries
from evollm.store.record import Record
from problems.programs.command import COMMAND
from problems.programs.options import Options
from tests.problems.programs.support_tasks import task


def test_a_run_is_shown_first_goes_on_and_leaves_the_best_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, path = task(tmp_path / "mine"), tmp_path / "run"
    words = ["run", "programs", "--task", str(folder), "--about", "Make it large."]
    assert main([*words, "--dry-run", "--form", "rewrite"]) == 0
    shown = capsys.readouterr().out
    assert "task          mine, 2 lines that may change" in shown
    assert "Make it large." in shown
    assert "return 1" in shown
    assert "the improved code" in shown
    limited = ["--method", "mutation", "--eval-seconds", "20", "--processes", "4"]
    assert main([*words, *limited, "--evaluations", "2", "--path", str(path)]) == 0
    assert main(["resume", str(path), "--evaluations", "3"]) == 0
    assert "combined_score" in capsys.readouterr().out
    with Record(path, write=False) as record:
        assert queries.usage(record).evaluations == 3
        best = queries.best(record)
    assert best is not None
    assert "EVOLVE-BLOCK-START\ndef number" in (path / "best_program.py").read_text()
    changes = (path / "best_program.diff").read_text()
    assert ("-    return 1\n+" in changes) == (best[1] > 0.1)


def test_options_reach_the_search_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    folder = str(task(tmp_path / "mine"))

    def connect() -> None:
        raise AssertionError("the model is not needed")

    chosen = Options(task=folder, method="mutation", search="islands", islands=3, target=0.7)
    system = COMMAND.system(chosen, connect)  # type: ignore[arg-type]
    assert (system.settings.islands, system.budget.target) == (3, 0.7)
    for wrong, fault in (
        (Options(), "name the task's folder: --task FOLDER"),
        (Options(task=folder, features="size"), "features must be length"),
        (Options(task=folder, wording="none.toml"), "the wording none.toml can't be read"),
        (Options(task=str(tmp_path)), r"has no initial_program"),
    ):
        with pytest.raises(EvollmError, match=fault):
            COMMAND.system(wrong, connect)  # type: ignore[arg-type]
    (tmp_path / "cpp").mkdir()
    (tmp_path / "cpp/initial_program.cpp").write_text("int x;")
    (tmp_path / "cpp/evaluator.py").write_text("")
    with pytest.raises(EvollmError, match="only Python source can be mutated"):
        COMMAND.system(Options(task=str(tmp_path / "cpp"), method="random"), connect)  # type: ignore[arg-type]
