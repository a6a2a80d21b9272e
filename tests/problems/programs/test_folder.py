"""A task's folder is read as it is, and what can't be a task is refused in one sentence."""

from pathlib import Path

import pytest

from evollm.errors import EvollmError
from problems.programs import read
from tests.problems.programs.support_tasks import EVALUATOR, PROGRAM, task


def test_the_block_and_the_description_are_read(tmp_path: Path) -> None:
    folder = task(tmp_path / "mine")
    found = read(folder)
    assert (found.name, found.file, found.about) == ("mine", "initial_program.py", "")
    assert found.block == "def number():\n    return 1\n"
    assert found.frame.whole(found.block) == PROGRAM
    (folder / "card.yaml").write_text("description: |\n  Make it large.\n")
    assert read(folder).about == "Make it large."
    (folder / "config.yaml").write_text("prompt:\n  system_message: Make it larger.\n")
    assert read(folder).about == "Make it larger."
    assert read(folder, "Mine.").about == "Mine."
    (folder / "evaluator.py").write_text(EVALUATOR + "\n")
    assert read(folder).digest != found.digest


def test_what_is_no_task_is_refused(tmp_path: Path) -> None:
    def fault(match: str) -> None:
        with pytest.raises(EvollmError, match=match) as caught:
            read(tmp_path / "task")
        assert "\n" not in str(caught.value)

    fault("there is no folder")
    (tmp_path / "task").mkdir()
    fault(r"has no initial_program\.\*")
    program = tmp_path / "task/initial_program.py"
    program.write_text(PROGRAM)
    fault("has no evaluator.py")
    task(tmp_path / "task")
    (tmp_path / "task/initial_program.rs").write_text("fn main() {}")
    fault("a task has one file .* has initial_program.py, initial_program.rs: join them")
    (tmp_path / "task/initial_program.rs").unlink()
    program.write_text(PROGRAM + PROGRAM)
    fault("join several blocks into one")
    program.write_text(PROGRAM.replace("return 1", "return"))
    read(tmp_path / "task")
    program.write_text(PROGRAM.replace("return 1", "return ("))
    fault("is not a valid program: a syntax error in line")
    program.write_bytes(b"\xff\xfe")
    fault("can't be read: it is not text in UTF-8")
    task(tmp_path / "task")
    (tmp_path / "task/card.yaml").write_text("description: [")
    fault(r"card.yaml is not valid YAML")
    program.unlink()
    (tmp_path / "task/initial_program").mkdir()
    (tmp_path / "task/initial_program/a.py").write_text(PROGRAM)
    fault("a task has one file")
