"""Loading: a file of the user's may do anything while it is loaded."""

import os
import shutil
from pathlib import Path

import cloudpickle
import pytest

from evollm import EvollmError
from evollm.cli.loading import named
from evollm.search.fingerprint import describe
from tests.support_each import each


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("def f(x):\n    return x + 1\n")
    return tmp_path


def test_a_function_is_called_and_travels(folder):
    function = named("mine.py:f")
    assert (function(1), function.__name__) == (2, "f")
    again = cloudpickle.loads(cloudpickle.dumps(function))
    os.chdir("/")
    assert again(2) == 3


def test_below_the_current_folder_it_is_recorded_relative_to_it(folder, monkeypatch):
    Path("deep").mkdir()
    shutil.copy("mine.py", "deep/mine.py")
    first = describe(named(f"{folder}/deep/mine.py:f"))
    assert first == {"file": "deep/mine.py", "name": "f"}
    moved = folder / "moved"
    shutil.copytree("deep", moved / "deep")
    monkeypatch.chdir(moved)
    assert describe(named("deep/mine.py:f")) == first
    monkeypatch.chdir(moved / "deep")
    assert named(f"{folder}/mine.py:f").file == f"{folder}/mine.py"


@each(
    ("body", "message"),
    [
        ("raise SystemExit(3)", "can't be loaded: SystemExit: 3$"),
        ("import sys\nsys.exit('one\\n two')", "can't be loaded: SystemExit: one two$"),
        ("1 / 0", "can't be loaded: ZeroDivisionError: division by zero$"),
        ("def f(:", "can't be loaded: SyntaxError"),
        ("class Odd(BaseException): pass\nraise Odd('x')", "can't be loaded: Odd: x$"),
        ("f = 3", "does not define a function f$"),
    ],
)
def test_a_file_that_cannot_be_loaded_costs_one_sentence(tmp_path, monkeypatch, body, message):
    monkeypatch.chdir(tmp_path)
    Path("bad.py").write_text(body + "\n")
    with pytest.raises(EvollmError, match=message) as caught:
        named("bad.py:f")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_interrupt_while_loading_is_one(folder):
    Path("slow.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        named("slow.py:f")


@each("text", ["mine.py", "mine.py:", ":f", ""])
def test_a_file_without_a_function_is_refused(folder, text):
    with pytest.raises(EvollmError, match=r"give FILE\.py:NAME"):
        named(text)
