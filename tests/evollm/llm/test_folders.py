"""The cache folder obeys the environment."""

from pathlib import Path

import pytest

from evollm.errors import EvollmError
from evollm.llm import files
from evollm.llm.files import cache_folder


def test_own_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVOLLM_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_folder() == tmp_path / "own"
    assert cache_folder("models") == tmp_path / "own" / "models"
    assert (tmp_path / "own" / "models").is_dir()


def test_shared_variable_then_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files._fixed.cache_clear()  # a process keeps a folder where it first used it
    monkeypatch.delenv("EVOLLM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "shared" / "evollm"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / "home" / ".cache" / "evollm"


def test_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EVOLLM_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine"


def test_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EVOLLM_CACHE", str(tmp_path / "file"))
    with pytest.raises(EvollmError, match="EVOLLM_CACHE"):
        cache_folder("models")
