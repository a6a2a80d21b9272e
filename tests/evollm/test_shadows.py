"""A file that hides one of the packages is named."""

import os
import subprocess
import sys
from pathlib import Path

from evollm.shadows import PACKAGES, check_shadows, shadow
from tests.support_each import each

SYSTEM = "from problems.blackbox import minimize"
COMMAND = "from evollm.cli.main import main; raise SystemExit(main(['run', 'blackbox', '--help']))"
VECTORS = "from operators.vectors.variation import Uniform"


def last_line(folder: Path, code: str) -> str:
    """Run a script of a folder; return the last line that it wrote to standard error."""
    (folder / "script.py").write_text(code)
    done = subprocess.run(
        [sys.executable, folder / "script.py"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
    )
    assert done.returncode != 0
    return done.stderr.strip().splitlines()[-1]


@each(
    ("file", "package", "code"),
    [
        ("operators.py", "operators", SYSTEM),
        ("operators.py", "operators", COMMAND),
        ("operators/__init__.py", "operators", SYSTEM),
        ("operators/helper.py", None, SYSTEM),  # a folder without __init__ hides nothing
        ("problems.py", "problems", COMMAND),
        ("problems.py", None, VECTORS),
        ("problems/__init__.py", "problems", COMMAND),
        ("evollm.py", "evollm", SYSTEM),
        ("evollm.py", "evollm", VECTORS),
    ],
)
def test_the_file_that_hides_a_package_is_named(
    file: str, package: str | None, code: str, tmp_path: Path
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("x = 1\n")
    if package is None:
        (tmp_path / "script.py").write_text(code)
        subprocess.run([sys.executable, tmp_path / "script.py"], check=True, cwd=tmp_path)
        return
    said = last_line(tmp_path, code)
    assert f"{tmp_path / file} hides the package '{package}'" in said
    assert "rename it" in said
    assert "reinstall" not in said


def test_an_operators_file_of_ones_own_is_no_matter_to_the_engine_alone(tmp_path: Path) -> None:
    (tmp_path / "operators.py").write_text("def flip():\n    return 7\n")
    (tmp_path / "script.py").write_text(
        "import evollm, evollm.algorithms.generations, operators; print(operators.flip())"
    )
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "7\n"


def test_the_packages_here_are_the_right_ones() -> None:
    check_shadows(*PACKAGES)
    assert [shadow(package) for package in PACKAGES] == [None] * 3
