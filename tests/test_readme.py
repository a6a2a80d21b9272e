"""The README's code runs, and what it names is there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from evollm.cli.main import main
from evollm.store import queries
from evollm.store.record import Record

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the README's blocks of code in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def shell(program: str) -> list[list[str]]:
    """Return the arguments of every shell command of a program."""
    lines = [
        shlex.split(line, comments=True) for text in blocks("sh") for line in text.splitlines()
    ]
    return [line[1:] for line in lines if line[0] == program]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is named, whatever the developer's environment says."""
    monkeypatch.delenv("EVOLLM_MODEL", raising=False)


@pytest.mark.model
def test_python_blocks_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "readme"}
    for number, block in enumerate(blocks("python")):
        exec(compile(block, f"README block {number}", "exec"), names)
    assert names["found"].nfev == 40
    assert names["found"].fallback_share < 1
    assert names["search"].result.usage.evaluations == 20
    assert names["result"].best.genome == names["TARGET"]
    assert names["mottos"].usage.evaluations == 8
    with Record(tmp_path / "runs/first", write=False) as record:
        assert queries.usage(record).evaluations == 40
        assert [kind for (kind,) in record.rows("SELECT kind FROM events ORDER BY id")] == [
            "start",
            "stop",
            "resume",
            "stop",
        ]


@pytest.mark.model
def test_evollm_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in shell("evollm"):
        assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "100 evaluations" in said
    assert "asked" in said
    assert (tmp_path / "runs/second/progress.png").is_file()


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = [arguments[0] for arguments in shell("make")]
    assert {"demo", "test"} <= set(targets)
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


@pytest.mark.model
@pytest.mark.ray
def test_cluster_command_runs_on_this_machine(tmp_path: Path, ray_session: None) -> None:
    [submitted] = shell("ray")
    module = submitted[submitted.index("--") + 1 :]
    assert module[:3] == ["python", "-m", "evollm"]
    assert main([*module[3:], "--path", str(tmp_path / "run"), "--evaluations", "15"]) == 0
    with Record(tmp_path / "run", write=False) as record:
        assert queries.usage(record).evaluations == 15
        assert record.get("config")["run"]["executor"] == "ray"


def test_named_files_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if ":" not in link]
    paths = re.findall(r"`((?:tests|notebooks)/[^`]*|LICENSE)`", README)
    assert links
    assert paths
    assert [name for name in links + paths if not (ROOT / name).exists()] == []
