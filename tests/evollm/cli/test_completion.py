"""Completion in a real shell."""

import shutil
import subprocess
from pathlib import Path

import pytest

from evollm.cli.completion import SHELLS, script
from evollm.cli.main import _parser

BASH = """
source {script}
offer() {{
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  function=$(complete -p evollm | sed 's/.*-F \\([^ ]*\\).*/\\1/')
  "$function" evollm "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
  echo "${{COMPREPLY[*]}}"
}}
offer evollm comp
offer evollm run ""
offer evollm run blackbox --save
offer evollm run blackbox --method r
offer evollm show ru
"""

ZSH = """
autoload -U compinit && compinit -u -d {folder}/dump
source {script}
print -l ${{(k)functions[(I)_shtab_evollm*]}}
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for shell in SHELLS:
        (folder / shell).write_text(script(_parser(), shell))
    return folder


def outcome(shell: str, text: str, folder: Path) -> list[str]:
    done = subprocess.run(
        [shell, "-c", text], capture_output=True, text=True, timeout=60, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_problems_options_choices_and_folders(
    scripts: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs").mkdir()
    found = outcome("bash", BASH.format(script=scripts / "bash"), tmp_path)
    assert found == [
        "compare completion",
        "blackbox compression expressions programs prompts trees",
        "--save-config",
        "random recombination",
        "runs",
    ]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_takes_the_script(scripts: Path, tmp_path: Path) -> None:
    found = outcome("zsh", ZSH.format(script=scripts / "zsh", folder=tmp_path), tmp_path)
    assert "_shtab_evollm" in found


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_fish_completes_commands(scripts: Path, tmp_path: Path) -> None:
    text = f"source {scripts / 'fish'}; complete -C 'evollm comp'"
    assert [line.split()[0] for line in outcome("fish", text, tmp_path)] == [
        "compare", "completion"
    ]  # fmt: skip
