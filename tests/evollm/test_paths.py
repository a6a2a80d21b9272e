"""A path means what it meant when it was given."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from evollm import AskTell, Budget, EvollmError, run
from evollm.cli.main import main
from evollm.llm.client.settings import Settings
from evollm.llm.files import cache_folder
from evollm.paths import anchored, brief, creatable
from evollm.store.record import FILE
from evollm.testing import Trial, once
from tests.evollm.support_parts import Sphere, plain
from tests.support_each import each


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("home", "here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def test_the_home_folder_is_expanded(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(once([1, 2]), Trial(), path="~/run")
    assert found.path == home / "run"
    AskTell(once([1, 2]), path=Path("~/asked")).close()
    (home / "run.toml").write_text('problem = "blackbox"\n[options]\nmethod = "random"\n')
    said = ["--config", "~/run.toml", "--path", "~/line", "--evaluations", "3", "--quiet"]
    assert main(["run", *said]) == 0
    assert main(["show", "~/line"]) == 0
    assert main(["resume", "~/line", "--evaluations", "4", "--quiet"]) == 0
    assert "spent  4 evaluations" in capsys.readouterr().out
    assert all((home / name / FILE).is_file() for name in ("run", "asked", "line"))
    assert not Path("~").exists()


def moving(genome: Any) -> float:
    os.chdir("../there")
    return -float(genome @ genome)


def test_a_fitness_that_changes_the_directory_loses_nothing(home: Path) -> None:
    for n in (20, 40):
        os.chdir(home.parent / "here")
        found = run(plain(1), moving, budget=Budget(evaluations=n), path="run")
        assert Path.cwd() == home.parent / "there"
        assert len(found.dataframe()) == n
        assert found.candidate(3).genome.shape == (4,)
    assert found.path == home.parent / "here" / "run"
    assert os.listdir(home.parent / "there") == []


def test_a_script_that_changes_the_directory_gets_its_run_where_it_was_asked(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.py").write_text(
        "import os\nos.chdir('../there')\ndef f(x):\n    return float(x @ x)\n"
    )
    said = ["run", "blackbox", "--method", "random", "--function", "mine.py:f", "--path", "run"]
    assert main([*said, "--evaluations", "3", "--quiet"]) == 0
    assert (home.parent / "here" / "run" / FILE).is_file()
    assert "run directory run\n" in capsys.readouterr().err


def test_the_cache_stays_where_it_was_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(cache="answers.sqlite")
    monkeypatch.setenv("EVOLLM_CACHE", "my-cache")
    folder = cache_folder("models")
    os.chdir(home)
    assert settings.cache_path() == home.parent / "here" / "answers.sqlite"
    assert cache_folder("models") == folder == home.parent / "here" / "my-cache" / "models"


@each("wrong", [3, 1.5, ["run"]])
def test_what_is_no_path_is_said(wrong: Any) -> None:
    with pytest.raises(EvollmError, match="a path must be a string or a Path, not"):
        run(plain(1), Sphere(), path=wrong)


def test_a_path_that_leads_nowhere_is_said(home: Path) -> None:
    with pytest.raises(EvollmError, match="the path ~nobody-of-this-name/x can't be resolved"):
        anchored("~nobody-of-this-name/x")
    gone = home.parent / "gone"
    gone.mkdir()
    os.chdir(gone)
    shutil.rmtree(gone)
    with pytest.raises(EvollmError, match="the path run can't be resolved"):
        anchored("run")
    assert brief(home / "run") == str(home / "run")


def test_a_folder_that_can_be_made_is_told_from_one_that_cannot(tmp_path: Path) -> None:
    assert creatable(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert creatable(tmp_path) == tmp_path
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path / "file" / "run", "is a file: name another"),
        (tmp_path / ("x" * 300), "File name too long.*: name another"),
    ):
        with pytest.raises(EvollmError, match=message):
            creatable(path)
